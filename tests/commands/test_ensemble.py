"""Ensembles as a user makes and uses them: listed, tested, predicted, exported."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


def run_ensemble(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the verb in this process."""
    from mmseg_ext.commands import cli, main

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        cli.run(lambda _: main.main(['ensemble', *map(str, arguments)]))
    return subprocess.CompletedProcess('ensemble', int(end.value.code or 0), out.getvalue(), err.getvalue())


def masks(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


@pytest.fixture(scope='module')
def second_run(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tiny run with other weights in its head."""
    torch = pytest.importorskip('torch')
    folder = tmp_path_factory.mktemp('second') / 'run'
    shutil.copytree(run_dir, folder)
    path = next(folder.glob('best_*.pth'))
    content = torch.load(path, weights_only=True)
    content['state_dict']['decode_head.conv_seg.bias'] += torch.tensor([0.0, 0.2, 0.1])
    torch.save(content, path)
    return folder


@pytest.fixture(scope='module')
def ensemble(
    run_dir: Path, second_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Path]:
    out = tmp_path_factory.mktemp('ensemble') / 'both.yaml'
    arguments = run_dir, run_dir.parent / 'tiny.py', second_run, '--weights', '1,3', '--out', out
    return run_ensemble(*arguments), out


def test_it_lists_its_members(
    ensemble: tuple[subprocess.CompletedProcess[str], Path], run_dir: Path, second_run: Path
) -> None:
    done, out = ensemble
    assert (done.returncode, done.stderr) == (0, '')
    best = [next(folder.glob('best_*.pth')) for folder in (run_dir, second_run)]
    assert done.stdout.splitlines() == [f'1 × {best[0]}', f'3 × {best[1]}', f'ensemble: {out}']


def test_the_result_of_a_test_is_one_for_compare_and_errors(
    ensemble: tuple[subprocess.CompletedProcess[str], Path],
    fast_tool: Tool,
    run_dir: Path,
    second_run: Path,
    tiny_data: Path,
    tmp_path: Path,
) -> None:
    import mmseg_ext
    from mmseg_ext.evaluation.errors.result_dir import open_result
    from mmseg_ext.runs.reading import read_runs

    out = tmp_path / 'result'
    done = fast_tool(
        'test', ensemble[1], '--data', tiny_data, '--labels', 'labels_true', '--probabilities', '--out', out
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert 'test (4 images)' in done.stdout
    metrics = json.loads((out / 'metrics.json').read_text())
    assert [member['weight'] for member in metrics['members']] == [1, 3]
    result = open_result(out)
    assert (len(result), result.has_probabilities) == (4, True)
    config = run_dir.parent / 'tiny.py'
    members = [mmseg_ext.Predictor(config, run, device='cpu') for run in (run_dir, second_run)]
    for case in result:  # it compares the masks with the records
        one, other = (member.predict(case.image).probabilities for member in members)
        np.testing.assert_allclose(case.probabilities, (one + 3 * other) / 4, atol=0.01)
        np.testing.assert_array_equal(case.prediction, ((one + 3 * other) / 4).argmax(axis=0))
    (run,) = read_runs([out])
    assert (run.status, run.experiment) == ('finished', 'both')
    assert run.evaluations[0].mean is not None
    assert run.evaluations[0].mean.value == pytest.approx(metrics['scores']['mDice']['value'])


def test_of_one_member_it_is_the_test_of_that_model(
    fast_tool: Tool, run_dir: Path, tiny_data: Path, tmp_path: Path
) -> None:
    """The test of a config runs in bfloat16 where the config says so: single pixels may differ."""
    config = run_dir.parent / 'tiny.py'
    assert run_ensemble(next(run_dir.glob('best_*.pth')), '--out', tmp_path / 'one.yaml').returncode == 0
    for name, model in (('config', (config, run_dir)), ('one', (tmp_path / 'one.yaml', '--data', tiny_data))):
        done = fast_tool('test', *model, '--labels', 'labels_true', '--out', tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (masks(tmp_path / 'config' / 'masks') == masks(tmp_path / 'one' / 'masks')).mean() > 0.99


def test_a_split_without_masks_is_predicted_only(
    ensemble: tuple[subprocess.CompletedProcess[str], Path], fast_tool: Tool, tiny_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / 'data'
    shutil.copytree(tiny_data, data)
    shutil.rmtree(data / 'labels' / 'test')
    done = fast_tool('test', ensemble[1], '--data', data, '--tta')
    assert done.returncode == 0, done.stderr
    assert 'test: 4 images predicted; there are no masks to score them against' in done.stdout
    metrics = json.loads((ensemble[1].parent / 'both-test-tta' / 'metrics.json').read_text())
    assert (metrics['tta'], 'scores' in metrics) == (True, False)


def test_the_exported_model_predicts_what_the_ensemble_does(
    run_dir: Path, colour_model: Path, fast_tool: Tool, tiny_data: Path, tmp_path: Path
) -> None:
    """A member on torch and one in an ONNX file, both mirrored."""
    for package in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(package)
    both, out = tmp_path / 'both.yaml', tmp_path / 'both.onnx'
    assert run_ensemble(run_dir, colour_model, '--weights', '99,1', '--tta', '--out', both).returncode == 0
    done = fast_tool('export', both, '--out', out, '--count', 4)
    assert (done.returncode, done.stderr) == (0, '')
    assert "probabilities differ from the ensemble's by at most" in done.stdout
    for model in (both, out):
        images = tiny_data / 'img' / 'test'
        done = fast_tool('predict', model, images, '--out', tmp_path / model.suffix[1:])
        assert done.returncode == 0, done.stderr
    one, other = (masks(tmp_path / kind / 'masks') for kind in ('yaml', 'onnx'))
    assert (one == other).mean() > 0.99
    assert len(np.unique(one)) > 1


def test_wrong_use_is_one_line(
    ensemble: tuple[subprocess.CompletedProcess[str], Path],
    fast_tool: Tool,
    run_dir: Path,
    tiny_data: Path,
    colour_model: Path,
    tmp_path: Path,
    one_line: OneLine,
) -> None:
    import onnx

    from mmseg_ext.inference.network import ModelInfo

    other = onnx.load(colour_model)
    facts = json.loads(other.metadata_props[0].value)
    onnx.helper.set_model_props(other, {'mmseg_ext': json.dumps(facts | {'classes': ['background', 'dog', 'cat']})})
    onnx.save(other, tmp_path / 'other.onnx')
    assert ModelInfo.from_json(other.metadata_props[0].value, '').classes.names[1] == 'dog'
    onnx.helper.set_model_props(other, {'mmseg_ext': json.dumps(facts | {'tta_flip': False})})
    onnx.save(other, tmp_path / 'still.onnx')
    out = tmp_path / 'e.yaml'

    def refused(*arguments: object, words: str) -> None:
        one_line(run_ensemble(*arguments), words)
        assert not out.exists()

    refused(run_dir, tmp_path / 'other.onnx', '--out', out, words='other.onnx: its classes are background, dog, cat')
    refused(run_dir, tmp_path / 'still.onnx', '--tta', '--out', out, words='still.onnx: has no further views for --tta')
    refused(run_dir, run_dir, '--out', out, words='is given twice; give it more weight with --weights')
    refused(run_dir, colour_model, '--weights', '1', '--out', out, words='--weights: are 1 for 2 models')
    refused(run_dir, '--weights', '1,x', '--out', out, words='must be numbers above 0')
    refused(run_dir, '--out', tmp_path / 'e.txt', words='must end in .yaml')
    refused(run_dir.parent / 'tiny.py', '--out', out, words='is a config without a checkpoint')
    refused(tmp_path, '--out', out, words='should hold one best_*.pth')
    refused(ensemble[1], '--out', out, words='is an ensemble itself')
    one_line(run_ensemble(run_dir, '--out', ensemble[1]), 'exists; replace it with --overwrite')
    one_line(fast_tool('test', ensemble[1]), 'names no data set: add --data DATA')
    one_line(fast_tool('test', run_dir.parent / 'tiny.py'), 'give the checkpoint after the config')
    one_line(fast_tool('test', ensemble[1], run_dir, '--data', tiny_data), 'unexpected argument')
    one_line(fast_tool('export', ensemble[1], run_dir, '--out', tmp_path / 'e.onnx'), 'give an ensemble alone')
