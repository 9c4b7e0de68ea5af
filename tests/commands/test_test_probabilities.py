"""``tools/test.py --probabilities`` keeps what the masks were made from, and changes no mask."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize('tta', [[], ['--tta']])
def test_the_likeliest_class_is_that_of_the_mask(
    tta: list[str], fast_tool: Tool, run_dir: Path, tiny_data: Path, tmp_path: Path
) -> None:
    from mmseg_ext.evaluation.probability_maps import load_probabilities

    arguments = ['test', run_dir.parent / 'tiny.py', run_dir, '--split', 'val', *tta, '--out']
    plain, kept = tmp_path / 'plain', tmp_path / 'kept'
    for done in (fast_tool(*arguments, plain), fast_tool(*arguments, kept, '--probabilities')):
        assert (done.returncode, done.stderr) == (0, '')
    assert not (plain / 'probabilities').exists()
    stems = sorted(path.stem for path in (tiny_data / 'img/val').iterdir())
    assert sorted(path.name for path in (kept / 'probabilities').iterdir()) == [f'{stem}.npz' for stem in stems]
    for stem in stems:
        assert (kept / f'masks/{stem}.png').read_bytes() == (plain / f'masks/{stem}.png').read_bytes()
        mask = np.asarray(Image.open(kept / f'masks/{stem}.png'))
        chances = load_probabilities([kept / f'probabilities/{stem}.npz'])
        assert chances.shape == (3, 64, 64)
        own = np.take_along_axis(chances, mask[None].astype(int), 0)[0]
        assert (chances.max(0) - own).max() < 0.01  # equal to a step of 1/255
        assert chances.std() > 0


def test_another_tta_model_is_refused(
    fast_tool: Tool, run_dir: Path, write_config: Callable[..., Path], tmp_path: Path, one_line: Callable[..., None]
) -> None:
    config = write_config(tmp_path / 'other.py', "tta_model = dict(type='OtherTTA')")
    result = fast_tool('test', config, run_dir, '--tta', '--probabilities', '--out', tmp_path / 'out')
    one_line(result, 'OtherTTA', 'without --probabilities')
