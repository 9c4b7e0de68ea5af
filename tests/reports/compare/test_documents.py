from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mmseg_ext.reports.compare.cells import columns, group_cells, run_cells
from mmseg_ext.reports.compare.comparison import compare
from mmseg_ext.reports.compare.documents import json_document, markdown_table, to_json
from mmseg_ext.reports.compare.outputs import compare_runs
from mmseg_ext.runs.record import Evaluation, RunRecord, Score

SETTINGS = {'lr': 0.1}


def evaluation(dice: float, tta: bool = False) -> Evaluation:
    classes = {'ground': Score(98), 'cat': Score(dice, dice - 1, dice + 1)}
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
    assert markdown_table(compare(RUNS)).splitlines() == [
        '| config | val mDice (95 % interval) | val · TTA mDice (95 % interval) '
        '| ground / cat Dice, val | params (M) | GFLOPs | s/step | minutes | seeds |',
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
        '| `unet`, u | 81.50 ± 2.12 | – | 98.00 / 81.50 | 31.0 | 48.3 | 1.50 | 10 | 0, 1 |',
        '| `deep\\|lab` | 90.00 (88.00–92.00) | 91.00 (89.00–93.00) | 98.00 / 90.00 | – | – | – | 100 | – |',
        '| `unet`, broken (failed) | – | – | – | – | – | – | – | – |',
    ]


def test_rows_have_a_cell_for_each_column() -> None:
    comparison = compare(RUNS)
    heads = columns(comparison)
    cells = [run_cells(comparison, run) for run in RUNS] + [group_cells(comparison, comparison.groups[0])]
    assert {len(row) for row in cells} == {len(heads)}
    titles = [column.title for column in heads]
    mean = cells[-1][titles.index('val mDice')]
    assert (mean.text, mean.value, mean.small) == ('81.50', 81.5, '± 2.12')
    one = cells[2][titles.index('val mDice')]
    assert (one.text, one.small) == ('90.00', '(88.00–92.00)')
    assert cells[3][titles.index('val mDice')].text == '–'
    assert cells[-1][titles.index('minutes')].value == pytest.approx(10.27)


def test_json_is_complete_and_strict() -> None:
    counts = np.array([[[5, 1], [2, 6]], [[7, 0], [1, 8]]])
    from mmseg_ext.evaluation.records import Records

    content = Records(
        ('ground', 'cat'), ['a', 'b'], ['val'] * 2, [''] * 2, [None] * 2, np.ones((2, 2), np.int64), counts
    )
    scored = Evaluation('val', False, None, Score(80.0), {}, records=content)
    runs = [
        RunRecord('x', evaluations=(scored,), hyperparameters={'lr': math.inf, 'a': 1}),
        RunRecord('y', evaluations=(scored,), hyperparameters={'lr': 0.1, 'a': 1}),
    ]
    compared = compare_runs(runs)
    document = json_document(compared.comparison, compared.sets)
    read = json.loads(json.dumps(document, allow_nan=False))
    assert read['hyperparameters'] == {'lr': {'x': None, 'y': 0.1}}
    (pair,) = read['pairs']
    assert (pair['first'], pair['second']['run'], pair['images']) == ({'run': 'x', 'kind': 'val'}, 'y', 2)
    assert (pair['difference'], pair['p_value']) == (0, 1)
    assert read['groups'][0]['scores']['val']['mDice'] == {'mean': 80, 'sd': None, 'count': 1}


def test_json_in_a_page_cannot_end_its_element() -> None:
    text = to_json({'a': '</script><b>'})
    assert '<' not in text
    assert json.loads(text) == {'a': '</script><b>'}
