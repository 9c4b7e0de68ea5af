"""The tool as a user runs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask
from mmseg_ext.demo.generate import DemoSettings, make_demo_data, read_record
from mmseg_ext.eda.cleaning import DEFAULT_RULES, RULES
from mmseg_ext.eda.cleaning.ablation import mean_dice

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope='module')
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('demo') / 'pets'
    make_demo_data(root, DemoSettings(train=12, val=1, test=1, size=128, defects=1))
    return root


def test_cleaning_the_synthetic_pets_and_cleaning_them_again(run_tool: Run, demo: Path) -> None:
    result = run_tool('clean_masks', demo, '--labels', 'labels', '--to', 'labels_clean')
    assert result.returncode == 0, result.stderr
    assert result.stderr == ''
    for rule in DEFAULT_RULES:
        assert f' {rule} ' in result.stdout
    record = json.loads((demo / 'labels_clean/cleaning.json').read_text())
    assert f'{record["changed_masks"]} of 14 masks changed' in result.stdout
    assert (demo / 'labels_clean/cleaning.html').stat().st_size > 10_000
    kinds = {key: planted[0]['kind'] for key, planted in read_record(demo)['images'].items()}
    mended = set()
    for key, kind in kinds.items():
        raw, clean, true = (read_mask(demo / n / f'{key}.png') for n in ('labels', 'labels_clean', 'labels_true'))
        assert mean_dice(clean, true) >= mean_dice(raw, true) - 0.001
        mended |= {kind} if mean_dice(clean, true) > mean_dice(raw, true) else set()
    assert mended >= {'fragments', 'holes', 'jagged_border'}
    again = run_tool('clean_masks', demo, '--labels', 'labels_clean', '--to', 'twice', '--dry-run')
    assert again.returncode == 0
    assert '0 of 14 masks changed' in again.stdout
    assert not (demo / 'twice').exists()


def test_rules_thresholds_splits_and_a_report_of_a_dry_run(run_tool: Run, demo: Path, tmp_path: Path) -> None:
    arguments = ('--labels', 'labels', '--to', 'other', '--dry-run', '--splits', 'train', '--report', tmp_path / 'r')
    chosen = ('--rules', 'noise,hollow', '--thorough', '--set', 'noise_area=5', 'hollow_share=0.9')
    result = run_tool('clean_masks', demo, *arguments, *chosen)
    assert result.returncode == 0, result.stderr
    record = json.loads((tmp_path / 'r/cleaning.json').read_text())
    assert (record['rules'], record['masks']) == (['hollow', 'noise'], 12)
    limits = record['thresholds']
    assert (limits['noise_area'], limits['hollow_share'], limits['fine_detail']) == (5, 0.9, 1)
    assert sorted(path.name for path in (tmp_path / 'r').iterdir()) == [
        'cleaning.csv', 'cleaning.html', 'cleaning.json',
    ]  # fmt: skip
    assert not (demo / 'other').exists()
    second = run_tool('clean_masks', demo, *arguments)
    assert second.returncode == 2
    assert '--overwrite' in second.stderr
    (tmp_path / 'notes.txt').write_text('dear')
    assert run_tool('clean_masks', demo, *arguments[:-1], tmp_path / 'notes.txt', '--overwrite').returncode == 2
    assert (tmp_path / 'notes.txt').read_text() == 'dear'
    (tmp_path / 'empty').mkdir()
    assert run_tool('clean_masks', demo, *arguments[:-1], tmp_path / 'empty').returncode == 0


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        ((), ['--to']),
        (
            ('--labels', 'labels', '--to', 'labels_true', '--overwrite'),
            ['labels_true', 'holds files but no cleaning.json'],
        ),
        (('--to', 'x', '--rules', ''), ['--rules: lists no rules']),
        (('--to', 'x', '--rules', 'noise,polish'), ['--rules polish: no such rule']),
        (('--to', 'labels'), ['--to labels: is the source']),
        (('--to', 'labelme'), ['--to labelme: must be the name of a label set']),
        (('--to', 'x', '--set', 'noise_area=few'), ['--set noise_area=few: must be a whole number']),
        (('--to', 'x', '--set', 'cut_width=2'), ['--set cut_width=2: must be from 0 to 1']),
        (('--to', 'x', '--splits', 'tarin'), ['tarin', 'train']),
    ],
)
def test_wrong_use_is_one_line(
    run_tool: Run, one_line: Callable[..., None], demo: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    one_line(run_tool('clean_masks', demo, *arguments), *words)
    assert not (demo / 'x').exists()


def test_the_help_names_rules_and_thresholds(run_tool: Run) -> None:
    result = run_tool('clean_masks', '--help')
    assert result.returncode == 0
    assert all(f'\n  {rule} ' in result.stdout for rule in RULES)
    assert 'noise_area=10' in result.stdout
    assert result.stdout.rstrip().splitlines()[-1].strip().startswith('mmseg-ext clean ')


def test_a_mask_in_the_folder_of_photographs_is_not_needed(run_tool: Run, tmp_path: Path) -> None:
    """Masks alone can be cleaned: the photographs serve the page only."""
    from mmseg_ext.data.masks import write_mask

    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    mask[50, 50] = 1
    write_mask(tmp_path / 'm/train/a.png', mask, ((0, 0, 0), (9, 9, 9)))
    (tmp_path / 'dataset.yaml').write_text('classes: [g, a]\npalette: [[0,0,0],[9,9,9]]\n')
    result = run_tool('clean_masks', tmp_path, '--labels', 'm', '--to', 'm2')
    assert result.returncode == 0, result.stderr
    assert read_mask(tmp_path / 'm2/train/a.png').sum() == 900
