from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.commands.cleaning_ablation import main
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError

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
    (tmp_path / 'defects.json').write_text('{"images": {"train/a": [{"kind": "specks"}], "val/b": [{"kind": "x"}]}}')
    main([str(tmp_path), '--truth', 'truth'])
    rows = dict(line.strip('| ').split(' | ', 1) for line in capsys.readouterr().out.splitlines()[2:])
    dice = 2 * 900 / 1801
    assert rows['noise'] == f'1 of 2 | 1 | 0 | {(dice + 1) / 2:.5f} → 1.00000 | {(900 / 901 + 1) / 2:.5f} → 1.00000 | 0'
    assert rows['all'] == rows['noise']
    assert rows['pinholes'].startswith('0 of 2 | 0 | 0 ')
    assert rows['all, on specks'].startswith('1 of 1 | 1 | 0 ')
    assert 'all, on x' not in rows


def test_missing_masks_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'dataset.yaml').write_text('classes: [background, a]\npalette: [[0,0,0],[220,60,60]]\n')
    with pytest.raises(InputError, match='labels: label set not found'):
        main([str(tmp_path)])
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match='labels_true: label set not found; `truth` may be labels'):
        main([str(tmp_path)])
    (tmp_path / 'labels_true' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match="no split 'val'; `splits` may be train"):
        main([str(tmp_path), '--split', 'val'])
    with pytest.raises(InputError, match='no mask of the same name'):
        main([str(tmp_path)])
    assert not capsys.readouterr().out
