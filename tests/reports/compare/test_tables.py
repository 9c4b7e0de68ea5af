from __future__ import annotations

import pytest

from mmseg_ext.reports.compare.comparison import compare_runs
from mmseg_ext.reports.compare.tables import columns, group_cells, markdown_table, run_cells
from mmseg_ext.runs.record import Evaluation, RunRecord, Score

SETTINGS = {'lr': 0.1}


def evaluation(dice: float, tta: bool = False) -> Evaluation:
    classes = {'background': Score(98), 'cat': Score(dice, dice - 1, dice + 1)}
    return Evaluation('val', tta, None, Score(dice, dice - 2, dice + 2), classes)


COST = {'parameters': 31_040_000, 'gflops': 48.26, 'batch_size': 4}
RUNS = [
    RunRecord('u-0', '', 'unet', seed=0, evaluations=(evaluation(80),), minutes=9.54, images_per_second=2.0,
              hyperparameters=SETTINGS, **COST),
    RunRecord('u-1', '', 'unet', seed=1, evaluations=(evaluation(83),), minutes=11.0, images_per_second=4.0,
              hyperparameters=SETTINGS, **COST),
    RunRecord('d', '', 'deep|lab', evaluations=(evaluation(90), evaluation(91, tta=True)), minutes=100.4),
    RunRecord('broken', '', 'unet', status='failed', reason='x', hyperparameters=SETTINGS),
]  # fmt: skip


def test_markdown() -> None:
    assert markdown_table(compare_runs(RUNS)).splitlines() == [
        '| config | val mDice (95 % interval) | val · TTA mDice (95 % interval) '
        '| background / cat Dice, val | params (M) | GFLOPs | s/step | minutes | seeds |',
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
        '| `unet`, u | 81.50 ± 2.12 | – | 98.00 / 81.50 | 31.0 | 48.3 | 1.50 | 10 | 0, 1 |',
        '| `deep\\|lab` | 90.00 (88.00–92.00) | 91.00 (89.00–93.00) | 98.00 / 90.00 | – | – | – | 100 | – |',
        '| `unet`, broken (failed) | – | – | – | – | – | – | – | – |',
    ]


def test_rows_have_a_cell_for_each_column() -> None:
    comparison = compare_runs(RUNS)
    heads = columns(comparison)
    cells = [run_cells(comparison, run) for run in RUNS] + [group_cells(comparison, comparison.groups[0])]
    assert {len(row) for row in cells} == {len(heads)}
    titles = [column.title for column in heads]
    mean = cells[-1][titles.index('val mDice')]
    assert (mean.text, mean.value, mean.small) == ('81.50', 81.5, '± 2.12')
    single = cells[2][titles.index('val mDice')]
    assert (single.text, single.small) == ('90.00', '(88.00–92.00)')
    assert cells[3][titles.index('val mDice')].text == '–'
    assert cells[-1][titles.index('minutes')].value == pytest.approx(10.27)
