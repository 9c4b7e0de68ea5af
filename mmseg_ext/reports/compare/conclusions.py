"""Conclusions of a comparison: which experiment is best, whether that is more than chance, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from mmseg_ext.evaluation.bootstrap import PairedTest
from mmseg_ext.reports.bar_chart import Bar, BarChart
from mmseg_ext.reports.compare.charts import COSTS, pareto_front
from mmseg_ext.reports.compare.comparison import Comparison, Group, Spread, spread
from mmseg_ext.reports.wording import interval_text, p_text
from mmseg_ext.runs.record import FINISHED, Score

SIGNIFICANT_P = 0.05
MAX_BARS = 12
MAX_NAMED = 3  # experiments without a cost
INTERVAL = '95 % interval '

Ranked = list[tuple[Group, Spread]]


def conclude(comparison: Comparison) -> list[str]:
    """Return one to four sentences on the evaluation that most runs have."""
    if not comparison.kinds:
        return ['No run has a score.']
    kind = comparison.kinds[0]
    ranked = rank_groups(comparison, kind)
    if not ranked:
        return [f'No run has a {kind} score.']
    if len(ranked) == 1:
        return [f'Only {_name(ranked[0][0])} has a {kind} score: mDice {score_text(comparison, *ranked[0], kind)}.']
    first, second = ranked[:2]
    if round(first[1].mean, 2) == round(second[1].mean, 2):
        tied = [_name(group) for group, score in ranked if round(score.mean, 2) == round(first[1].mean, 2)]
        best = f'{", ".join(tied[:-1])} and {tied[-1]} tie for best: {kind} mDice {first[1].mean:.2f}.'
    else:
        best = (
            f'{_name(first[0])} is best: {kind} mDice {score_text(comparison, *first, kind)}; next is '
            f'{_name(second[0])} with {score_text(comparison, *second, kind)}.'
        )
    return [
        best,
        _difference(comparison, first[0], second[0], kind),
        *_front(ranked, kind),
        *_scored_otherwise(comparison, ranked, kind),
    ]


def _scored_otherwise(comparison: Comparison, ranked: Ranked, kind: str) -> list[str]:
    """Name the experiments that have a score, but not this one: the best may be among them."""
    labels = {group.label for group, _ in ranked}
    names = [
        f'"{group.label}"'
        for group in comparison.groups
        if group.label not in labels and any(comparison.spread(group, other) for other in comparison.kinds)
    ]
    if not names:
        return []
    subject = ', '.join(names) if len(names) <= MAX_NAMED else f'{len(names)} other experiments'
    return [f'Not ranked, because scored otherwise than by {kind}: {subject}.']


def rank_groups(comparison: Comparison, kind: str) -> Ranked:
    """Return the groups that have a score and their mDice, the best first."""
    scores = ((group, comparison.spread(group, kind)) for group in comparison.groups)
    return sorted(((group, score) for group, score in scores if score is not None), key=lambda pair: -pair[1].mean)


def score_text(comparison: Comparison, group: Group, score: Spread, kind: str) -> str:
    """Write a mean with its standard deviation over runs, or the score of one run with its interval."""
    if score.sd is not None:
        return f'{score.mean:.2f} ± {score.sd:.2f} over {score.count} runs'
    single = _only_score(comparison, group, kind)
    low, high = (None, None) if single is None else (single.low, single.high)
    return f'{score.mean:.2f}{interval_text(low, high, INTERVAL)}'


def score_chart(comparison: Comparison) -> BarChart | None:
    """Draw the mDice of the best groups; None where no run has a score."""
    kind = next(iter(comparison.kinds), '')
    ranked = rank_groups(comparison, kind)
    if not ranked:
        return None
    bars = []
    for group, score in ranked[:MAX_BARS]:
        single = _only_score(comparison, group, kind)
        low, high = (None, None) if single is None else (single.low, single.high)
        if score.sd is not None:
            low, high = score.mean - score.sd, score.mean + score.sd
        bars.append(Bar(group.label, score.mean, score_text(comparison, group, score, kind), low, high))
    left_out = len(ranked) - len(bars)
    note = f'The best {MAX_BARS}; {left_out} more {"is" if left_out == 1 else "are"} in the table.' if left_out else ''
    return BarChart(f'mDice, {kind}', bars, note, dots=True)


def _name(group: Group) -> str:
    """Name a group, with its state where it has not finished."""
    status = group.runs[0].status
    return f'"{group.label}"' + ('' if status == FINISHED else f' ({status})')


def _only_score(comparison: Comparison, group: Group, kind: str) -> Score | None:
    """Return the score of the only run of a group that has one."""
    scores = [score for run in group.runs if (score := comparison.score(run, kind)) is not None]
    return scores[0] if len(scores) == 1 else None


def _difference(comparison: Comparison, first: Group, second: Group, kind: str) -> str:
    """Tell whether the choice of images may explain the difference between the best runs of two groups."""
    runs = [_best_run(comparison, group, kind) for group in (first, second)]
    test = _test(comparison, runs, kind)
    if test is None:
        return 'Whether that is more than chance is unknown: there are no records of both on the same images and masks.'
    which = (
        'The difference'
        if len(first.runs) == len(second.runs) == 1
        else f'The difference between their best runs, {" and ".join(runs)},'
    )
    chance = 'more than chance' if test.p_value < SIGNIFICANT_P else 'possibly chance'
    interval = interval_text(100 * test.low, 100 * test.high, INTERVAL, after=' over images')
    return (
        f'{which} is {100 * test.difference:+.2f} points{interval}: {chance} ({p_text(test.p_value)}); only more seeds '
        'can show how much it depends on the seed.'
    )


def _best_run(comparison: Comparison, group: Group, kind: str) -> str:
    def value(name_and_score: tuple[str, Score | None]) -> float:
        return -1.0 if name_and_score[1] is None else name_and_score[1].value

    return max(((run.name, comparison.score(run, kind)) for run in group.runs), key=value)[0]


def _test(comparison: Comparison, runs: Sequence[str], kind: str) -> PairedTest | None:
    """Return the test of the first run minus the second; None where they cannot be paired or have no score."""
    first, second = ((name, kind) for name in runs)
    for paired_set in comparison.paired_sets:
        if first in paired_set.entries and second in paired_set.entries:
            i, j = paired_set.entries.index(first), paired_set.entries.index(second)
            test = paired_set.tests[min(i, j), max(i, j)]
            if not isfinite(test.difference) or not isfinite(test.p_value):
                return None
            if i < j:  # the test is that of the second minus the first
                return PairedTest(-test.difference, -test.high, -test.low, test.p_value)
            return test
    return None


def _front(ranked: Ranked, kind: str) -> list[str]:
    """Name the experiments that none is better and cheaper than, by parameters or else by minutes; and the unknown."""
    for cost in ('parameters', 'minutes'):
        title, cost_of = COSTS[cost]
        priced = [
            (group, score.mean, price.mean) for group, score in ranked if (price := spread(map(cost_of, group.runs)))
        ]
        if len({round(price, 2) for _, _, price in priced}) < 2:
            continue
        front = pareto_front([price for _, _, price in priced], [value for _, value, _ in priced])
        names = ', '.join(f'"{priced[place][0].label}" ({priced[place][2]:.3g})' for place in front)
        known = {group.label for group, _, _ in priced}
        unknown = [f'"{group.label}"' for group, _ in ranked if group.label not in known]
        if unknown:
            of = ', '.join(unknown) if len(unknown) <= MAX_NAMED else f'{len(unknown)} others'
            names += f'; the cost of {of} is unknown'
        if len(front) == 1:
            best = 'best of known cost' if unknown else 'best'
            return [f'The {best} is also the cheapest ({title}): {names}.']
        return [f'Best trade-offs between mDice and cost ({title}): {names}.']
    return []
