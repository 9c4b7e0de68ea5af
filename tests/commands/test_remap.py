from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.commands import audit, remap
from mmseg_ext.data import read_mask
from mmseg_ext.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two masks of 0 and 255, and one in another format."""
    root = tmp_path / 'data set'
    for split, name in (('train', 'a.png'), ('train', 'b.tif'), ('val', 'c.png')):
        (root / 'labels' / split).mkdir(parents=True, exist_ok=True)
        (root / 'img' / split).mkdir(parents=True, exist_ok=True)
        mask = np.zeros((8, 8), np.uint8)
        mask[2:5, 2:6] = 255
        Image.fromarray(mask).save(root / 'labels' / split / name)
        noise = np.random.default_rng(len(name + split)).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).save(root / 'img' / split / f'{name[0]}.png')
    (root / 'dataset.yaml').write_text('classes: [background, cat]\n')
    return root


def test_the_command_that_the_audit_names_converts_the_masks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([str(root), '--json', str(root / 'audit.json')]) == 1
    messages = {f['message'] for f in json.loads((root / 'audit.json').read_text())['findings']}
    command = next(re.search(r'mmseg-ext remap (.*)', m) for m in messages if '--map' in m)
    assert command is not None
    assert command[1] == f"'{root}' --labels labels --to labels_remapped --map 0=0 255=1"
    arguments = [str(root), '--labels', 'labels', '--to', 'labels_remapped', '--map', '0=0', '255=1']
    assert remap.main([*arguments, '--dry-run']) == 0
    assert not (root / 'labels_remapped').exists()
    capsys.readouterr()
    assert remap.main([*arguments, '--json', str(root / 'remap.json')]) == 0
    assert '1 cat' in capsys.readouterr().out
    for name in ('train/a', 'train/b', 'val/c'):
        mask = read_mask(root / f'labels_remapped/{name}.png')
        assert (mask.sum(), set(np.unique(mask))) == (12, {0, 1})
    report = json.loads((root / 'remap.json').read_text())
    assert report['after'] == {'0 background': 156, '1 cat': 36, 'ignored': 0}
    assert report['before'][1] == {'value': '255', 'becomes': '1 cat', 'pixels': 36, 'masks': 3}
    with pytest.raises(InputError, match='replace it with `overwrite=True` or choose another `to`'):
        remap.main(arguments)
    assert remap.main([*arguments, '--overwrite']) == 0
    with pytest.raises(InputError, match=r'labels_remapped: holds other files .train.; move them'):
        remap.main([*arguments, '--overwrite', '--splits', 'val'])


def test_a_value_that_nothing_names_is_refused_before_anything_is_written(root: Path) -> None:
    with pytest.raises(InputError, match=r'labels: holds values without a mapping .number of masks.: 255 \(3\); '):
        remap.main([str(root), '--labels', 'labels', '--to', 'new', '--map', '0=0'])
    assert not (root / 'new').exists()


def test_a_bad_mask_costs_only_itself(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / 'labels/train/a.png').write_bytes(b'no mask')
    assert remap.main([str(root), '--labels', 'labels', '--to', 'new', '--map', '0=0', '255=ignored']) == 1
    assert 'labels/train/a.png: mask cannot be read' in capsys.readouterr().err
    assert sorted(path.stem for path in (root / 'new').rglob('*.png')) == ['b', 'c']


@pytest.mark.parametrize('to', ['labels', 'img', 'a/b'])
def test_the_source_is_never_the_target(to: str, root: Path) -> None:
    with pytest.raises(InputError, match='`to='):
        remap.main([str(root), '--labels', 'labels', '--to', to, '--map', '0=0', '255=1'])
