from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.commands.cleaning_ablation import main
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError

RECORD = '{"generator": "mmseg_ext.demo", "images": {"train/a": [{"kind": "specks"}], "val/b": [{"kind": "x"}]}}'
PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))


def test_the_table_has_a_row_for_each_rule_and_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    true = np.zeros((60, 60), np.uint8)
    true[10:40, 10:40] = 1
    spoilt = true.copy()
    spoilt[50, 50] = 1
    for name, masks in (('labels', (spoilt, true)), ('truth', (true, true))):
        for stem, mask in zip('ab', masks, strict=True):
            write_mask(tmp_path / name / 'train' / f'{stem}.png', mask, PALETTE)
    (tmp_path / 'dataset.yaml').write_text('classes: [background, a]\npalette: [[0,0,0],[220,60,60]]\n')
    (tmp_path / 'defects.json').write_text(RECORD)
    main([str(tmp_path), '--truth', 'truth'])
    rows = dict(line.strip('| ').split(' | ', 1) for line in capsys.readouterr().out.splitlines()[2:])
    dice = 2 * 900 / 1801
    assert rows['noise'] == f'1 of 2 | 1 | 0 | {(dice + 1) / 2:.5f} → 1.00000 | {(900 / 901 + 1) / 2:.5f} → 1.00000 | 0'
    assert rows['default'] == rows['noise']
    assert rows['pinholes'].startswith('0 of 2 | 0 | 0 ')
    assert rows['default, on specks'].startswith('1 of 1 | 1 | 0 ')
    assert 'default, on x' not in rows


@pytest.mark.parametrize(
    ('record', 'problem'),
    [
        ('[]', 'was not written by mmseg_ext.demo'),
        ('{"images": [1]}', 'was not written by mmseg_ext.demo'),
        ('{"generator": "mmseg_ext.demo", "images": {"train/a": [{}]}}', 'has no readable `images:`'),
        ('{"generator": "mmseg_ext.demo", "images": [1]}', 'has no readable `images:`'),
    ],
)
def test_files_that_cannot_be_used_cost_only_themselves(
    record: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    for name in ('labels', 'truth'):
        for stem in 'abc':
            write_mask(tmp_path / name / 'train' / f'{stem}.png', mask, PALETTE)
    write_mask(tmp_path / 'truth/train/b.png', mask[:50], PALETTE)
    (tmp_path / 'labels/train/c.png').write_bytes(b'no mask')
    (tmp_path / 'dataset.yaml').write_text('classes: [background, a]\n')
    (tmp_path / 'defects.json').write_text(record)
    assert main([str(tmp_path), '--truth', 'truth']) == 1
    out, err = capsys.readouterr()
    assert '| default | 0 of 1 | 0 | 0 | 1.00000 → 1.00000 | 1.00000 → 1.00000 | 0 |' in out
    size, damaged, foreign, count = err.splitlines()
    assert 'labels/train/b.png: differs in size from truth' in size
    assert 'labels/train/c.png: mask cannot be read' in damaged
    assert f'defects.json: {problem}' in foreign
    assert count == '3 files were left out'
    (tmp_path / 'truth/train/a.png').unlink()
    with pytest.raises(InputError, match=r'labels: no mask can be used; the first problem: .*b\.png'):
        main([str(tmp_path), '--truth', 'truth'])


def test_missing_masks_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'dataset.yaml').write_text('classes: [background, a]\npalette: [[0,0,0],[220,60,60]]\n')
    with pytest.raises(InputError, match='labels: label set not found'):
        main([str(tmp_path)])
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match='labels_true: label set not found; choose `truth` from labels'):
        main([str(tmp_path)])
    (tmp_path / 'labels_true' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match="no split 'val'; choose `splits` from train"):
        main([str(tmp_path), '--split', 'val'])
    with pytest.raises(InputError, match='no mask name'):
        main([str(tmp_path)])
    assert not capsys.readouterr().out
