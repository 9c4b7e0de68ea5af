"""The tool as a user runs it: what it writes is what torch computes, and needs nothing but itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


@pytest.fixture(scope='module')
def exported(
    fast_tool: Tool, run_dir: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Path]:
    for package in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(package)
    out = tmp_path_factory.mktemp('export') / 'model.onnx'
    result = fast_tool(
        'export',
        run_dir.parent / 'tiny.py',
        run_dir,
        '--out',
        out,
        '--count',
        6,
        '--int8',
        tiny_data,
        '--labels',
        'labels_true',
    )
    return result, out


def test_it_says_how_far_the_models_agree(
    exported: tuple[subprocess.CompletedProcess[str], Path], tiny_data: Path
) -> None:
    result, out = exported
    assert (result.returncode, result.stderr) == (0, '')
    first, second = result.stdout.splitlines()
    found = re.fullmatch(
        rf'{out}: [\d.]+ MB; on 4 images of {tiny_data}/img/val logits differ from torch\'s by at most (\S+), '
        r'(\d+\.\d+)% of the pixels get the same class',
        first,
    )
    assert found is not None, first
    assert 0 < float(found[1]) < 1e-3
    assert float(found[2]) >= 99.9
    pattern = (
        rf'{out.with_suffix(".int8.onnx")}: [\d.]+ MB; val mDice (\S+) instead of (\S+) \(([+-]\S+)\), '
        r'\S+ ms per image instead of \S+ \(\S+ times as fast\), 4 images, one thread'
    )
    found = re.fullmatch(pattern, second)
    assert found is not None, second
    assert float(found[3]) == pytest.approx(float(found[1]) - float(found[2]), abs=0.011)
    assert sorted(path.name for path in out.parent.iterdir()) == ['model.int8.onnx', 'model.onnx']


def test_the_file_holds_what_is_needed_to_use_it(
    exported: tuple[subprocess.CompletedProcess[str], Path], repo_root: Path
) -> None:
    import onnx

    for path in (exported[1], exported[1].with_suffix('.int8.onnx')):
        model = onnx.load(path)
        onnx.checker.check_model(model)
        facts = json.loads({entry.key: entry.value for entry in model.metadata_props}['mmseg_ext'])
        assert facts['classes'] == ['background', 'cat', 'dog']
        assert facts['palette'][1] == [220, 60, 60]
        assert facts['mean'] == [123.675, 116.28, 103.53]
        assert facts['std'] == [58.395, 57.12, 57.375]
        assert (facts['channels'], facts['size']) == ('rgb', [192, 192])
        assert str(repo_root).encode() not in path.read_bytes()
        for value in (*model.graph.input, *model.graph.output):
            batch, channels, *size = value.type.tensor_type.shape.dim
            assert channels.dim_value == 3
            assert not any(side.dim_value for side in (batch, *size))
    assert 'QuantizeLinear' in {node.op_type for node in model.graph.node}


def test_torch_and_onnx_predict_the_same(
    exported: tuple[subprocess.CompletedProcess[str], Path],
    run_dir: Path,
    tiny_data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mmseg_ext

    monkeypatch.setenv('DEMO_DATA', str(tiny_data))
    images = sorted((tiny_data / 'img' / 'test').iterdir())
    predictors = [
        mmseg_ext.Predictor(exported[1], tta=True),
        mmseg_ext.Predictor(run_dir.parent / 'tiny.py', run_dir, tta=True, device='cpu'),
    ]
    onnx, original = (predictor.predict(images) for predictor in predictors)
    for one, other in zip(onnx, original, strict=True):
        assert other.probabilities.std() > 1e-3
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-4)
    assert predictors[0].members[0].network.info == predictors[1].members[0].network.info


def test_int8_is_scored_on_the_masks(exported: tuple[subprocess.CompletedProcess[str], Path], tiny_data: Path) -> None:
    from PIL import Image

    import mmseg_ext

    predictor = mmseg_ext.Predictor(exported[1])
    hits = true = predicted = np.zeros(3)
    for path in sorted((tiny_data / 'img' / 'val').iterdir()):
        mask = predictor.predict(path).mask
        truth = np.asarray(Image.open(tiny_data / 'labels_true' / 'val' / f'{path.stem}.png'))
        hits = hits + [np.sum((mask == truth) & (mask == k)) for k in range(3)]
        true = true + [np.sum(truth == k) for k in range(3)]
        predicted = predicted + [np.sum(mask == k) for k in range(3)]
    dice = 100 * np.mean(2 * hits / (true + predicted))
    assert f'instead of {dice:.2f} (' in exported[0].stdout


def test_wrong_use_is_one_line(
    fast_tool: Tool, run_dir: Path, tiny_data: Path, tmp_path: Path, one_line: OneLine
) -> None:
    config, out = run_dir.parent / 'tiny.py', tmp_path / 'model.onnx'
    one_line(fast_tool('export', config, run_dir, '--out', tmp_path / 'model.pt'), 'must end in .onnx')
    one_line(fast_tool('export', config, run_dir, '--out', out, '--count', 0), '--count: 0: must be')
    (tmp_path / 'broken.pth').write_bytes(b'no checkpoint')
    one_line(fast_tool('export', config, tmp_path / 'broken.pth', '--out', out), 'broken.pth: ')
    few = fast_tool('export', config, run_dir, '--out', out, '--images', tiny_data / 'img' / 'val')
    one_line(few, '--images: 4 found, but 32 are needed', '--count')
    pytest.importorskip('onnxruntime')
    other = shutil.copytree(tiny_data, tmp_path / 'other')
    text = (other / 'dataset.yaml').read_text()
    (other / 'dataset.yaml').write_text(text.replace('cat', 'lynx'))
    one_line(fast_tool('export', config, run_dir, '--out', out, '--count', 2, '--int8', other), 'its classes differ')
    assert not [path.name for path in tmp_path.iterdir() if 'onnx' in path.name]
    out.write_text('mine')
    one_line(fast_tool('export', config, run_dir, '--out', out), 'model.onnx: exists; replace it with --overwrite')
    assert out.read_text() == 'mine'
