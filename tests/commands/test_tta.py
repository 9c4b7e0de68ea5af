"""``test --tta`` and ``predict --tta`` paint the same masks, whatever the number of outputs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask, write_mask

Tool = Callable[..., subprocess.CompletedProcess[str]]
EXACT = 'test_cfg = dict(dtype=None)\n'  # as `predict` computes
ONE_OUTPUT = EXACT + 'model = dict(decode_head=dict(num_classes=2, out_channels=1, threshold={}))\n'


@pytest.fixture
def one_class(tiny_data: Path, tmp_path: Path) -> Path:
    """The tiny data with the animals as one class."""
    data = tmp_path / 'data'
    for path in tiny_data.rglob('*'):
        if path.parent.parent.name == 'labels_true':
            target = data / path.relative_to(tiny_data)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_mask(target, np.minimum(read_mask(path), 1), [(0, 0, 0), (220, 60, 60)])
    (data / 'img').symlink_to(tiny_data / 'img')
    (data / 'dataset.yaml').write_text('classes: [background, animal]\npalette: [[0, 0, 0], [220, 60, 60]]\n')
    return data


@pytest.mark.parametrize('outputs', [1, 3])
def test_both_commands_agree(
    outputs: int, fast_tool: Tool, run_dir: Path, one_class: Path, tiny_data: Path, write_config: Callable[..., Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    from mmseg_ext.evaluation.probability_maps import load_probabilities

    def tool(*arguments: object) -> None:
        done = fast_tool(*arguments, data=one_class if outputs == 1 else tiny_data)
        assert done.returncode == 0, done.stderr

    config, run = write_config(tmp_path / 'exact.py', EXACT), run_dir
    tested, predicted, plain = tmp_path / 'tested', tmp_path / 'predicted', tmp_path / 'plain'
    if outputs == 1:
        config, run = write_config(tmp_path / 'one.py', ONE_OUTPUT.format(0.5)), tmp_path / 'run'
        tool('train', config, '--work-dir', run)
        tool('test', config, run, '--probabilities', '--out', plain)
        maps = [load_probabilities([path])[1] for path in sorted((plain / 'probabilities').iterdir())]
        config = write_config(tmp_path / 'median.py', ONE_OUTPUT.format(float(np.median(maps))))
    tool('test', config, run, '--tta', '--out', tested)
    tool('predict', config, run, one_class / 'img/test', '--tta', '--out', predicted)
    names = sorted(path.name for path in (tested / 'masks').iterdir())
    pairs = [(read_mask(tested / 'masks' / name), read_mask(predicted / 'masks' / name)) for name in names]
    first, second = (np.stack(masks) for masks in zip(*pairs, strict=True))
    assert (first == second).mean() > 0.99
    if outputs == 1:
        assert 0.3 < first.mean() < 0.7  # of about half of the pixels the probability exceeds its median
