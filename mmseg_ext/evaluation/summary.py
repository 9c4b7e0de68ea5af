"""Scores of a split with bootstrap intervals, as JSON content and as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from mmseg_ext.evaluation.bootstrap import bootstrap_intervals
from mmseg_ext.evaluation.records import Records
from mmseg_ext.evaluation.scores import CLASS_SCORES, MEAN_SCORES, scores_from_confusion

Summary = dict[str, Any]
TABLE_SCORES = ('Dice', 'IoU', 'Acc')


def summarize(records: Records, *, resamples: int = 2000, seed: int = 0) -> Summary:
    """Score all images together, with 95 % bootstrap intervals over images (`bootstrap_intervals`).

    The counts of all images are summed and then scored (`scores_from_confusion`): a large image counts more than a
    small one, and an image without a class does not distort the score of that class.

    Args:
        records: Records of the images.
        resamples: How often the images are drawn.
        seed: Seed of the draws.

    Returns:
        ``images``, ``resamples``; ``mDice`` … ``aAcc`` as ``{"value", "low", "high"}`` in percent; and under
        ``classes`` the same for the Dice, IoU, Acc, Precision and Recall of each class. None where a score is
        undefined.

    Raises:
        InputError: There are no records.
    """
    intervals = bootstrap_intervals(records.confusion, resamples=resamples, seed=seed)
    scores = scores_from_confusion(records.confusion.sum(0))

    def entry(name: str, index: Any = ()) -> dict[str, float | None]:
        low, high = intervals[name]
        return {'value': _percent(scores[name][index]), 'low': _percent(low[index]), 'high': _percent(high[index])}

    return {
        'images': len(records),
        'resamples': resamples,
        **{name: entry(name) for name in (*MEAN_SCORES, 'aAcc')},
        'classes': {
            label: {name: entry(name, index) for name in CLASS_SCORES} for index, label in enumerate(records.classes)
        },
    }


def summary_table(summary: Summary, title: str) -> Table:
    """Make a table of Dice, IoU and Acc of each class and their means, in percent with intervals.

    Args:
        summary: Result of `summarize`.
        title: Heading of the table.
    """
    table = Table(title=escape(title), box=box.SIMPLE_HEAD, title_justify='left')
    table.add_column('class')
    for name in TABLE_SCORES:
        table.add_column(f'{name} % (95 % interval)', justify='right')
    for label, scores in summary['classes'].items():
        absent = all(entry['value'] is None for entry in scores.values())
        table.add_row(escape(label), *(('absent' if absent else _cell(scores[name])) for name in TABLE_SCORES))
    table.add_section()
    table.add_row('mean', *(_cell(summary[f'm{name}']) for name in TABLE_SCORES), style='bold')
    return table


def _cell(entry: dict[str, float | None]) -> str:
    if entry['value'] is None:
        return '-'
    low, high = ('-' if entry[end] is None else f'{entry[end]:.2f}' for end in ('low', 'high'))
    return f'{entry["value"]:.2f} ({low}–{high})'


def _percent(value: Any) -> float | None:
    return None if np.isnan(value) else round(100 * float(value), 4)
