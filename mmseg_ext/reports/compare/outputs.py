"""Outputs of a comparison: the page, the Markdown table, and all numbers as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mmseg_ext.files import write_text
from mmseg_ext.reports.compare.comparison import Comparison, Spread
from mmseg_ext.reports.compare.page import write_comparison_page
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.reports.compare.tables import markdown_table
from mmseg_ext.runs.record import RunRecord, Score

STANDARD_OUTPUT = '-'


def write_outputs(
    comparison: Comparison,
    *,
    page: str | Path | None = None,
    markdown: str | Path | None = None,
    document: str | Path | None = None,
    title: str = 'Comparison of runs',
    pictures: bool = True,
) -> str:
    """Write the outputs that have a file; ``-`` stands for the text that is returned.

    Args:
        comparison: Of `compare_runs`.
        page: The HTML file.
        markdown: File of the table of scores.
        document: The JSON file.
        title: Heading of the page.
        pictures: Whether images and masks may be in the page.

    Returns:
        The text to print: the output whose file is ``-``, otherwise the table of scores.

    Raises:
        InputError: A file cannot be written, or the page needs Plotly, which is not installed.
    """
    table = markdown_table(comparison)
    text = json.dumps(json_document(comparison), indent=2, ensure_ascii=False, allow_nan=False) + '\n'
    for target, content in ((markdown, table), (document, text)):
        if target is not None and str(target) != STANDARD_OUTPUT:
            write_text(target, content)
    if page is not None:
        write_comparison_page(page, comparison, title=title, pictures=pictures)
    return text if str(document) == STANDARD_OUTPUT else table


def json_document(comparison: Comparison) -> dict[str, Any]:
    """Collect runs, groups, differing hyperparameters and pairs as plain values; scores are in percent."""
    return {
        'kinds': list(comparison.kinds),
        'classes': list(comparison.classes),
        'runs': [_json_run(comparison, run) for run in comparison.runs],
        'groups': [
            {
                'label': group.label,
                'experiment': group.experiment,
                'runs': [run.name for run in group.runs],
                'seeds': group.seeds,
                'scores': {
                    kind: {
                        'mDice': _json_spread(comparison.spread(group, kind)),
                        **{name: _json_spread(comparison.spread(group, kind, name)) for name in comparison.classes},
                    }
                    for kind in comparison.kinds
                },
            }
            for group in comparison.groups
        ],
        'hyperparameters': {
            key: dict(zip((group.label for group in comparison.groups), map(_plain, values), strict=True))
            for key, values in comparison.differing.items()
        },
        'pairs': [pair for paired_set in comparison.paired_sets for pair in _json_pairs(paired_set)],
    }


def _plain(value: Any) -> Any:
    """Convert a value to one that JSON can hold: NaN and infinity to None, unknown objects to text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _json_run(comparison: Comparison, run: RunRecord) -> dict[str, Any]:
    names = ('name', 'experiment', 'status', 'reason', 'seed', 'parameters', 'gflops', 'minutes', 'images_per_second')
    scores = {
        kind: {
            'mDice': _json_score(comparison.score(run, kind)),
            **{name: _json_score(comparison.score(run, kind, name)) for name in comparison.classes},
        }
        for kind in comparison.kinds
        if (run.name, kind) in comparison.evaluations
    }
    return {
        **{name: _plain(getattr(run, name)) for name in names},
        'input_size': run.input_size and list(run.input_size),
        'device': run.device,
        'commit': run.commit,
        'hyperparameters': {key: _plain(value) for key, value in run.hyperparameters.items()},
        'scores': scores,
    }


def _json_score(score: Score | None) -> dict[str, float | None] | None:
    return None if score is None else {'value': score.value, 'low': score.low, 'high': score.high}


def _json_spread(score: Spread | None) -> dict[str, float | int | None] | None:
    return None if score is None else {'mean': score.mean, 'sd': score.sd, 'count': score.count}


def _json_pairs(paired_set: PairedSet) -> list[dict[str, Any]]:
    sides = [{'run': name, 'kind': kind} for name, kind in paired_set.entries]
    return [
        {
            'first': sides[i],
            'second': sides[j],
            'images': len(paired_set.stems),
            'resamples': paired_set.resamples,
            'difference': _plain(100 * test.difference),
            'low': _plain(100 * test.low),
            'high': _plain(100 * test.high),
            'p_value': _plain(test.p_value),
        }
        for (i, j), test in paired_set.tests.items()
    ]
