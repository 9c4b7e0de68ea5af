"""Tables of runs: as rows of cells, which a page and ClearML show, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mmseg_ext.reports.compare.comparison import Comparison, Group, Spread, spread
from mmseg_ext.reports.wording import interval_text
from mmseg_ext.runs.record import FINISHED, RunRecord

DASH = '–'
COMMIT_DIGITS = 7


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes:
        text: Shown.
        value: Sorted by; None where there is nothing to sort.
        hint: Shown on hovering.
        small: Shown in small print below.
    """

    text: str = DASH
    value: float | str | None = None
    hint: str = ''
    small: str = ''


@dataclass(frozen=True)
class Column:
    """A table column.

    Attributes:
        title: Its heading.
        hint: Explanation of the heading.
        kind: The kind of evaluation with which it is shown; None: always.
    """

    title: str
    hint: str = ''
    kind: str | None = None


def columns(comparison: Comparison) -> list[Column]:
    """Return the columns of `run_cells` and `group_cells`."""
    return [
        Column('status'),
        Column('seed'),
        *(Column(f'{kind} mDice', 'percent; 95 % interval over images, or sd over runs') for kind in comparison.kinds),
        *(Column(label, f'Dice, {kind}, percent', kind) for kind in comparison.kinds for label in comparison.classes),
        Column('params', 'millions'),
        Column('GFLOPs', 'multiply-adds per image, in 10⁹'),
        Column('minutes', 'of training'),
        Column('img/s', 'in training: images per step divided by the median step time'),
        Column('commit', 'of mmseg_ext at training; + if files differed from it'),
    ]  # fmt: skip


def run_cells(comparison: Comparison, run: RunRecord) -> list[Cell]:
    """Describe a run as one row."""
    size = f'for an image of {run.input_size[0]}×{run.input_size[1]} px' if run.input_size else ''
    commit = run.commit or ''
    return [
        Cell(run.status, run.status, run.reason),
        Cell(DASH if run.seed is None else str(run.seed), run.seed),
        *(_score_cell(comparison, run, kind, None) for kind in comparison.kinds),
        *(_score_cell(comparison, run, kind, label) for kind in comparison.kinds for label in comparison.classes),
        _number_cell(run.parameters and run.parameters / 1e6),
        _number_cell(run.gflops, size),
        _number_cell(run.minutes, run.device or ''),
        _number_cell(run.images_per_second, run.device or ''),
        Cell(short_commit(commit), commit, commit) if commit else Cell(),
    ]


def group_cells(comparison: Comparison, group: Group) -> list[Cell]:
    """Describe a group of several runs as one row of means and standard deviations."""
    runs = group.runs
    commits = sorted({short_commit(run.commit) for run in runs if run.commit})
    costs = (
        spread(run.parameters and run.parameters / 1e6 for run in runs),
        spread(run.gflops for run in runs),
        spread(run.minutes for run in runs),
        spread(run.images_per_second for run in runs),
    )
    return [
        Cell(f'{len(runs)} runs', runs[0].status),
        Cell(', '.join(map(str, group.seeds)) or DASH, group.seeds[0] if group.seeds else None),
        *(_spread_cell(comparison.spread(group, kind), len(runs)) for kind in comparison.kinds),
        *(
            _spread_cell(comparison.spread(group, kind, label), len(runs))
            for kind in comparison.kinds
            for label in comparison.classes
        ),
        *(_number_cell(None if cost is None else cost.mean) for cost in costs),
        Cell(', '.join(commits), commits[0]) if commits else Cell(),
    ]


def markdown_table(comparison: Comparison) -> str:
    """Write a Markdown table with one row per group.

    Its columns: mDice with interval or standard deviation, the Dice of the classes, and the costs of the model:
    parameters, GFLOPs, seconds per training step (of one process), minutes.
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
    lines = [_markdown_row(head), _markdown_row(['---'] * len(head))]
    for group, label in zip(comparison.groups, labels, strict=True):
        state = '' if group.runs[0].status == FINISHED else f' ({group.runs[0].status})'
        minutes = spread(run.minutes for run in group.runs)
        dice = [comparison.spread(group, kinds[0], name) for name in comparison.classes]
        cells = [
            f'{label}{state}',
            *(_plain_score(comparison, group, kind) for kind in kinds),
            ' / '.join(DASH if score is None else f'{score.mean:.2f}' for score in dice) if any(dice) else DASH,
            _mean(run.parameters and run.parameters / 1e6 for run in group.runs),
            _mean(run.gflops for run in group.runs),
            _mean((_seconds_per_step(run) for run in group.runs), 2),
            DASH if minutes is None else f'{minutes.mean:.0f}' if minutes.mean >= 10 else f'{minutes.mean:.1f}',
            ', '.join(map(str, group.seeds)) or DASH,
        ]
        lines.append(_markdown_row(cells))
    return '\n'.join(lines) + '\n'


def short_commit(commit: str | None) -> str:
    """Shorten a commit to seven digits, keeping the ``+`` of a changed checkout.

    >>> short_commit('0123456789abcdef+')
    '0123456+'
    """
    if not commit:
        return DASH
    return commit[:COMMIT_DIGITS] + ('+' if commit.endswith('+') else '')


def hyperparameter_text(value: Any) -> str:
    """Format the value of a hyperparameter.

    >>> hyperparameter_text(0.0001), hyperparameter_text(None)
    ('0.0001', '–')
    """
    if value is None:
        return DASH
    return f'{value:g}' if isinstance(value, float) else str(value)


def _score_cell(comparison: Comparison, run: RunRecord, kind: str, label: str | None) -> Cell:
    score = comparison.score(run, kind, label)
    if score is None:
        return Cell()
    source = comparison.evaluations[run.name, kind].source
    return Cell(f'{score.value:.2f}', score.value, source, interval_text(score.low, score.high, to='–').strip())


def _spread_cell(score: Spread | None, runs: int) -> Cell:
    if score is None:
        return Cell()
    deviation = '' if score.sd is None else f'± {score.sd:.2f}'
    return Cell(
        f'{score.mean:.2f}', score.mean, f'mean ± standard deviation over {score.count} of {runs} runs', deviation
    )


def _number_cell(value: float | None, hint: str = '') -> Cell:
    if value is None:
        return Cell()
    return Cell(f'{value:,.0f}' if value >= 1000 else f'{value:.3g}', value, hint)


def _mean(values: Iterable[float | None], digits: int = 1) -> str:
    over_runs = spread(values)
    return DASH if over_runs is None else f'{over_runs.mean:.{digits}f}'


def _seconds_per_step(run: RunRecord) -> float | None:
    return run.batch_size / run.images_per_second if run.batch_size and run.images_per_second else None


def _plain_score(comparison: Comparison, group: Group, kind: str) -> str:
    over_runs = comparison.spread(group, kind)
    if over_runs is None:
        return DASH
    if over_runs.sd is not None:
        count = f' (n = {over_runs.count})' if over_runs.count != len(group.runs) else ''
        return f'{over_runs.mean:.2f} ± {over_runs.sd:.2f}{count}'
    score = next(score for run in group.runs if (score := comparison.score(run, kind)) is not None)
    return f'{score.value:.2f}{interval_text(score.low, score.high, to="–")}'


def _config_labels(comparison: Comparison) -> list[str]:
    """Name each group by its config in code style, followed by its own name where several groups share the config."""
    names = [group.experiment or group.label for group in comparison.groups]  # of an unreadable run none is known
    return [
        f'`{name}`' if names.count(name) == 1 or group.label == name else f'`{name}`, {group.label}'
        for group, name in zip(comparison.groups, names, strict=True)
    ]


def _markdown_row(cells: Iterable[str]) -> str:
    return '| ' + ' | '.join(cell.replace('|', '\\|').replace('\n', ' ') for cell in cells) + ' |'
