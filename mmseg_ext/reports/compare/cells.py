"""The rows of the table of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmseg_ext.reports.compare.comparison import Comparison, Group, Spread, spread
from mmseg_ext.runs.record import RunRecord, Score

DASH = '–'
COMMIT_DIGITS = 7


@dataclass(frozen=True)
class Cell:
    """What a cell shows, what it is sorted by (None: nothing to sort), what is said on hovering, its small print."""

    text: str = DASH
    value: float | str | None = None
    hint: str = ''
    small: str = ''


@dataclass(frozen=True)
class Column:
    """A column; one with a ``kind`` is shown when this kind of evaluation is chosen, others always."""

    title: str
    hint: str = ''
    kind: str | None = None


def columns(comparison: Comparison) -> list[Column]:
    """The columns of `run_cells` and `group_cells`."""
    return [
        Column('status'),
        Column('seed'),
        *(Column(f'{kind} mDice', 'percent; 95 % interval over images, or sd over seeds') for kind in comparison.kinds),
        *(Column(label, f'Dice, {kind}, percent', kind) for kind in comparison.kinds for label in comparison.classes),
        Column('params', 'millions'),
        Column('GFLOPs', 'multiply-adds of one image, in 10⁹'),
        Column('minutes', 'of training'),
        Column('img/s', 'in training: images of a step over the median time of a step'),
        Column('commit', 'of mmseg_ext, as trained; + where files differed from it'),
    ]  # fmt: skip


def run_cells(comparison: Comparison, run: RunRecord) -> list[Cell]:
    """A run as one row."""
    size = f'of an image of {run.input_size[0]}×{run.input_size[1]} px' if run.input_size else ''
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
    """A group of several runs as one row of means and standard deviations."""
    commits = sorted({short_commit(run.commit) for run in group.runs if run.commit})
    seeds = ', '.join(map(str, group.seeds)) or DASH
    return [
        Cell(f'{len(group.runs)} runs', group.runs[0].status),
        Cell(seeds, group.seeds[0] if group.seeds else None),
        *(_spread_cell(comparison.spread(group, kind), len(group.runs)) for kind in comparison.kinds),
        *(
            _spread_cell(comparison.spread(group, kind, label), len(group.runs))
            for kind in comparison.kinds
            for label in comparison.classes
        ),
        *(
            _number_cell(None if one is None else one.mean)
            for one in (
                spread(run.parameters and run.parameters / 1e6 for run in group.runs),
                spread(run.gflops for run in group.runs),
                spread(run.minutes for run in group.runs),
                spread(run.images_per_second for run in group.runs),
            )
        ),
        Cell(', '.join(commits), commits[0]) if commits else Cell(),
    ]


def short_commit(commit: str | None) -> str:
    """Seven digits, and the ``+`` of a changed checkout."""
    if not commit:
        return DASH
    return commit[:COMMIT_DIGITS] + ('+' if commit.endswith('+') else '')


def shown(value: Any) -> str:
    """A hyperparameter as text."""
    if value is None:
        return DASH
    return f'{value:g}' if isinstance(value, float) else str(value)


def _score_cell(comparison: Comparison, run: RunRecord, kind: str, label: str | None) -> Cell:
    score = comparison.score(run, kind, label)
    if score is None:
        return Cell()
    source = comparison.evaluations[run.name, kind].source
    return Cell(f'{score.value:.2f}', score.value, source, interval_text(score))


def interval_text(score: Score) -> str:
    """The 95 % interval in brackets; empty where it is not known."""
    return '' if score.low is None or score.high is None else f'({score.low:.2f}–{score.high:.2f})'


def _spread_cell(one: Spread | None, runs: int) -> Cell:
    if one is None:
        return Cell()
    deviation = '' if one.sd is None else f'± {one.sd:.2f}'
    return Cell(f'{one.mean:.2f}', one.mean, f'mean ± standard deviation of {one.count} of {runs} runs', deviation)


def _number_cell(value: float | None, hint: str = '') -> Cell:
    if value is None:
        return Cell()
    text = f'{value:,.0f}' if value >= 1000 else f'{value:.3g}'
    return Cell(text, value, hint)
