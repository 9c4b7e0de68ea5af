"""The comparison as Markdown and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from mmseg_ext.reports.compare.cells import DASH, interval_text
from mmseg_ext.reports.compare.comparison import Comparison, Group, Spread, spread
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.runs.record import FINISHED, RunRecord, Score


def markdown_table(comparison: Comparison) -> str:
    """The ladder as a Markdown table, a row for each group.

    It has mDice with interval or deviation, the Dice of the classes, and what the model costs: parameters, GFLOPs,
    seconds a training step (of one process), minutes.
    """
    kinds = comparison.kinds or ('val',)
    classes = ' / '.join(comparison.classes)
    head = [
        'config',
        *(f'{kind} mDice (95 % interval)' for kind in kinds),
        f'{classes} Dice, {kinds[0]}' if classes else 'Dice',
        'params (M)',
        'GFLOPs',
        's/step',
        'minutes',
        'seeds',
    ]
    labels = _config_labels(comparison)
    lines = [_row(head), _row(['---'] * len(head))]
    for group, label in zip(comparison.groups, labels, strict=True):
        state = '' if group.runs[0].status == FINISHED else f' ({group.runs[0].status})'
        minutes = spread(run.minutes for run in group.runs)
        dice = [comparison.spread(group, kinds[0], name) for name in comparison.classes]
        cells = [
            f'{label}{state}',
            *(_plain_score(comparison, group, kind) for kind in kinds),
            ' / '.join(DASH if one is None else f'{one.mean:.2f}' for one in dice) if any(dice) else DASH,
            _mean(run.parameters and run.parameters / 1e6 for run in group.runs),
            _mean(run.gflops for run in group.runs),
            _mean((_seconds_a_step(run) for run in group.runs), 2),
            DASH if minutes is None else f'{minutes.mean:.0f}' if minutes.mean >= 10 else f'{minutes.mean:.1f}',
            ', '.join(map(str, group.seeds)) or DASH,
        ]
        lines.append(_row(cells))
    return '\n'.join(lines) + '\n'


def json_document(comparison: Comparison, sets: Sequence[PairedSet]) -> dict[str, Any]:
    """All of it for machines: runs, groups, hyperparameters that differ, and pairs; scores are in percent."""
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
            key: dict(zip((group.label for group in comparison.groups), map(plain, values), strict=True))
            for key, values in comparison.differing.items()
        },
        'pairs': [pair for one in sets for pair in _json_pairs(one)],
    }


def to_json(document: Any) -> str:
    """JSON that may stand inside an HTML script element: no ``<`` that could end it."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(',', ':'))
    return text.replace('<', '\\u003c')


def plain(value: Any) -> Any:
    """What JSON can hold: NaN and infinity as None, unknown objects as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _mean(values: Iterable[float | None], digits: int = 1) -> str:
    one = spread(values)
    return DASH if one is None else f'{one.mean:.{digits}f}'


def _seconds_a_step(run: RunRecord) -> float | None:
    return run.batch_size / run.images_per_second if run.batch_size and run.images_per_second else None


def _plain_score(comparison: Comparison, group: Group, kind: str) -> str:
    one = comparison.spread(group, kind)
    if one is None:
        return DASH
    if one.sd is not None:
        return f'{one.mean:.2f} ± {one.sd:.2f}' + (f' (n = {one.count})' if one.count != len(group.runs) else '')
    scores: Iterable[Score | None] = (comparison.score(run, kind) for run in group.runs)
    score = next(one for one in scores if one is not None)
    return f'{score.value:.2f} {interval_text(score)}'.strip()


def _config_labels(comparison: Comparison) -> list[str]:
    """The config in code style, with the group's own name where several groups share the config."""
    experiments = [group.experiment for group in comparison.groups]
    return [
        f'`{group.experiment}`'
        if experiments.count(group.experiment) == 1 or group.label == group.experiment
        else f'`{group.experiment}`, {group.label}'
        for group in comparison.groups
    ]


def _row(cells: Iterable[str]) -> str:
    return '| ' + ' | '.join(cell.replace('|', '\\|').replace('\n', ' ') for cell in cells) + ' |'


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
        **{name: plain(getattr(run, name)) for name in names},
        'input_size': run.input_size and list(run.input_size),
        'device': run.device,
        'commit': run.commit,
        'hyperparameters': {key: plain(value) for key, value in run.hyperparameters.items()},
        'scores': scores,
    }


def _json_score(score: Score | None) -> dict[str, float | None] | None:
    return None if score is None else {'value': score.value, 'low': score.low, 'high': score.high}


def _json_spread(one: Spread | None) -> dict[str, float | int | None] | None:
    return None if one is None else {'mean': one.mean, 'sd': one.sd, 'count': one.count}


def _json_pairs(one: PairedSet) -> list[dict[str, Any]]:
    def side(entry: int) -> dict[str, str]:
        return {'run': one.entries[entry][0], 'kind': one.entries[entry][1]}

    return [
        {
            'first': side(i),
            'second': side(j),
            'images': len(one.stems),
            'resamples': one.resamples,
            'difference': plain(100 * test.difference),
            'low': plain(100 * test.low),
            'high': plain(100 * test.high),
            'p_value': plain(test.p_value),
        }
        for (i, j), test in one.tests.items()
    ]
