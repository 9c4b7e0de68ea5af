from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.eda.class_weights import class_weights

Tool = Callable[..., subprocess.CompletedProcess[str]]
WEIGHTED = """
model['decode_head']['loss_decode'] = [
    dict(
        type='mmseg_ext.CrossEntropyLoss',
        class_weight=dict(type='mmseg_ext.MedianFrequencyWeights', data_root={root!r}, labels='labels_true'),
    ),
    dict(type='mmseg_ext.DiceLoss', class_weight={path!r}),
]
"""


def test_it_prints_and_writes_the_weights(run_tool: Tool, tiny_data: Path, tmp_path: Path, one_line) -> None:
    out = tmp_path / 'weights.json'
    result = run_tool('class_weights', tiny_data, '--labels', 'labels_true', '--split', 'val', '--out', out)
    assert (result.returncode, result.stderr) == (0, '')
    expected = class_weights(tiny_data, 'labels_true', 'val')
    assert json.loads(result.stdout) == json.loads(out.read_text()) == expected
    one_line(run_tool('class_weights', tiny_data, '--out', out), str(out), '--overwrite')
    assert run_tool('class_weights', tiny_data, '--method', 'enet', '--out', out, '--overwrite').returncode == 0
    assert json.loads(out.read_text()) == class_weights(tiny_data, method='enet')


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--method', 'inverse'), ("'inverse'", 'median-frequency')),
        (('--method', 'enet', '--per-image'), ('per-image', 'enet')),
        (('--absent', 'none'), ("'none'", 'refuse', 'largest', 'zero')),
        (('--labels', 'nowhere'), ('nowhere', 'label set not found', 'choose --labels from')),
        (('--out', 'weights.pkl'), ('weights.pkl', '.json')),
    ],
)
def test_wrong_use(run_tool: Tool, tiny_data: Path, one_line, arguments: tuple[str, ...], words) -> None:
    one_line(run_tool('class_weights', tiny_data, *arguments), *words)


def test_a_class_that_the_split_lacks(run_tool: Tool, tiny_data: Path, tmp_path: Path, one_line) -> None:
    names = json.loads(run_tool('class_weights', tiny_data).stdout)['classes']
    content = {'classes': [*names, 'ghost'], 'palette': [[9 * n, 0, 0] for n in range(len(names) + 1)]}
    (tmp_path / 'dataset.yaml').write_text(json.dumps(content))
    (tmp_path / 'labels').symlink_to(tiny_data / 'labels')
    one_line(run_tool('class_weights', tmp_path), 'no pixel of class ghost', '--absent largest')
    weights = json.loads(run_tool('class_weights', tmp_path, '--absent', 'largest').stdout)['weights']
    assert weights[-1] == max(weights[:-1])


def test_a_broken_mask_is_named(run_tool: Tool, tiny_data: Path, tmp_path: Path, one_line) -> None:
    (tmp_path / 'dataset.yaml').write_text((tiny_data / 'dataset.yaml').read_text())
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    (tmp_path / 'labels' / 'train' / 'a.png').write_bytes(b'no png')
    one_line(run_tool('class_weights', tmp_path), 'a.png', 'cannot be read')


@pytest.mark.parametrize('tool', ['ours', "mmsegmentation's"])
def test_a_training_uses_and_keeps_them(
    fast_tool: Tool, write_config: Callable[..., Path], tiny_data: Path, tmp_path: Path, tool: str
) -> None:
    mmseg = pytest.importorskip('mmseg')
    path, run = tmp_path / 'weights.json', tmp_path / 'run'
    path.write_text(json.dumps(class_weights(tiny_data, method='balanced')))
    config = write_config(tmp_path / 'tiny.py', WEIGHTED.format(root=str(tiny_data), path=str(path)))
    name = 'train' if tool == 'ours' else str(Path(mmseg.__file__).parent / '.mim' / 'tools' / 'train')
    result = fast_tool(name, config, '--work-dir', run)
    assert result.returncode == 0, result.stderr
    kept = json.loads((run / 'class_weights.json').read_text())
    assert list(kept) == ['decode_head.loss_decode.0', 'decode_head.loss_decode.1']
    expected = class_weights(tiny_data, 'labels_true')
    assert {key: kept['decode_head.loss_decode.0'][key] for key in ('classes', 'weights')} == expected
    assert kept['decode_head.loss_decode.0']['source']['type'] == 'mmseg_ext.MedianFrequencyWeights'
    assert kept['decode_head.loss_decode.1'] == {'source': str(path), **class_weights(tiny_data, method='balanced')}
    log = next(run.glob('*/*.log')).read_text()
    assert f'Class weights (mmseg_ext.MedianFrequencyWeights of {tiny_data}/labels_true/train): background 0.' in log
    if tool == 'ours':  # a trained model needs no training masks
        config.write_text(config.read_text().replace("labels='labels_true'", "labels='gone'"))
        tested = fast_tool('test', config, run, '--split', 'val')
        assert tested.returncode == 0, tested.stderr
