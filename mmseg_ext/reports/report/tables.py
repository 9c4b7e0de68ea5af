"""The tables and the figure of a report's experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmseg_ext.eda.plots import CYCLE, INK, new_figure
from mmseg_ext.eda.statistics.table import Cell, Table
from mmseg_ext.reports.report.experiments import Experiment

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ladder_table(experiments: Sequence[Experiment], metric: str = 'mDice') -> Table:
    """Each experiment's val score with its interval and class scores, beside what somebody else states."""
    kind = metric.removeprefix('m')
    rows: list[Sequence[Cell]] = []
    for one in experiments:
        stated = one.reference.get('val')
        if not one.was_run:
            rows.append([one.name, stated, None, None, None, None])
            continue
        score = one.score(metric)
        classes = ' / '.join(f'{scores[kind]["value"]:.2f}' for scores in one.metrics['scores']['classes'].values())
        interval = f'{score["low"]:.2f}–{score["high"]:.2f}'
        rows.append([one.name, stated, score['value'], interval, classes, 'yes' if one.metrics.get('tta') else 'no'])
    columns: dict[str, int | None] = {'experiment': None, f'reference val {metric}': 2, f'val {metric}': 2}
    columns |= {'95 % interval': None, f'{kind} of the classes': None, 'TTA': None}
    return Table(f'Val {metric} of every experiment, percent', columns, rows)


def changes_table(one: Experiment) -> Table:
    """What an experiment changed."""
    rows = [[key, str(before), str(after)] for key, (before, after) in one.changes.items()]
    return Table(f'What changed against {one.against}', dict.fromkeys(('hyperparameter', 'before', 'here')), rows)


def steps_table(experiments: Sequence[Experiment], metric: str = 'mDice') -> Table:
    """Each experiment against the one that it changes."""
    rows: list[Sequence[Cell]] = []
    for one in experiments:
        step = one.difference
        if step is not None:
            verdict = {'better': 'yes, better', 'worse': 'yes, worse', 'open': 'no'}[step.verdict]
            rows.append([one.name, one.against, step.value, f'{step.low:.2f} to {step.high:.2f}', verdict])
    columns: dict[str, int | None] = {'experiment': None, 'against': None, f'difference in {metric}': 2}
    columns |= {'95 % interval': None, 'excludes zero': None}
    return Table(f'Differences in val {metric}, paired bootstrap over images', columns, rows)


def blind_table(
    experiments: Sequence[Experiment], scores: Mapping[str, Mapping[str, Any]], metric: str = 'mDice'
) -> Table:
    """What was predicted for test, and what the blind scoring gave."""
    kind = metric.removeprefix('m')
    rows: list[Sequence[Cell]] = []
    for one in experiments:
        if one.test_masks or one.reference.get('test'):
            known = scores.get(one.name, {})
            classes = ' / '.join(f'{value:.2f}' for value in known.get(kind, {}).values()) or None
            value = one.score(metric)['value'] if one.was_run else None
            rows.append([one.name, one.reference.get('test'), value, one.test_masks, known.get(metric), classes])
    columns: dict[str, int | None] = {'experiment': None, f'reference test {metric}': 2, f'our val {metric}': 2}
    columns |= {'masks kept': None, f'our test {metric}': 2, f'{kind} of the classes': None}
    return Table('Test: predicted blind', columns, rows)


def ladder_figure(experiments: Sequence[Experiment], metric: str = 'mDice') -> Figure:
    """Val scores with their intervals, the stated ones beside them; experiments not run have only the latter."""
    with new_figure(1, 1, height=1.0 + 0.34 * len(experiments)) as (figure, axes):
        panel = axes[0, 0]
        for place, one in enumerate(experiments):
            if 'val' in one.reference:
                panel.plot(one.reference['val'], place, 'D', color=INK, markerfacecolor='white', zorder=3)
            if one.was_run:
                score = one.score(metric)
                ends = [[score['value'] - score['low']], [score['high'] - score['value']]]
                panel.errorbar(score['value'], place, xerr=ends, fmt='o', color=CYCLE[1], capsize=3, zorder=4)
        panel.errorbar([], [], xerr=[], fmt='o', color=CYCLE[1], capsize=3, label='ours, 95 % interval over images')
        panel.plot([], [], 'D', color=INK, markerfacecolor='white', label='reference')
        panel.set(xlabel=f'val {metric}, %', yticks=range(len(experiments)), ylim=(len(experiments) - 0.5, -0.5))
        panel.set_yticklabels([one.name.replace('_', ' ') for one in experiments], fontsize=7)
        figure.legend(loc='outside lower center', ncols=2)
    return figure
