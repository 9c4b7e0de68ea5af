"""What is compared: kinds of evaluation, runs grouped over their seeds, hyperparameters that differ."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mmseg_ext.runs.record import FINISHED, Evaluation, RunRecord, Score

SEED = 'seed'
SPLIT_ORDER = ('val', 'test')


@dataclass(frozen=True)
class Spread:
    """A quantity over the runs of a group: mean, and standard deviation (n − 1) where there are several."""

    mean: float
    sd: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """Finished runs that differ in nothing but their seed, or one run.

    Attributes:
        label: What it is called on the page; unique there.
        runs: Its runs.
    """

    label: str
    runs: tuple[RunRecord, ...]

    @property
    def experiment(self) -> str:
        """Name of the config."""
        return self.runs[0].experiment

    @property
    def seeds(self) -> list[int]:
        """The seeds that are known, in order."""
        return sorted(run.seed for run in self.runs if run.seed is not None)


@dataclass(frozen=True)
class Comparison:
    """Runs and what they can be compared by.

    Attributes:
        runs: In the order given.
        groups: In the order of their first runs.
        kinds: Names of the evaluations that may be compared with each other (``val``, ``val · TTA``, …); the first one
            is that which most runs have.
        classes: All class names, in the order of their appearance.
        evaluations: (name of the run, kind) → evaluation.
        differing: Hyperparameter → its value in each group, None where it has none.
    """

    runs: tuple[RunRecord, ...]
    groups: tuple[Group, ...]
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    evaluations: dict[tuple[str, str], Evaluation]
    differing: dict[str, list[Any]]

    def score(self, run: RunRecord, kind: str, label: str | None = None) -> Score | None:
        """Give the mDice of a run, or the Dice of one class."""
        evaluation = self.evaluations.get((run.name, kind))
        if evaluation is None:
            return None
        return evaluation.mean if label is None else evaluation.classes.get(label)

    def spread(self, group: Group, kind: str, label: str | None = None) -> Spread | None:
        """Give the mDice over the runs of a group, or the Dice of one class."""
        scores = (self.score(run, kind, label) for run in group.runs)
        return spread(score.value for score in scores if score is not None)


def compare(runs: Sequence[RunRecord]) -> Comparison:
    """Prepare runs for tables and charts.

    Raises:
        ValueError: Two runs share a name.
    """
    if len({run.name for run in runs}) != len(runs):
        raise ValueError('each run needs a name of its own')
    evaluations = _name_evaluations(runs)
    counts: dict[str, int] = {}
    for _, kind in evaluations:
        counts[kind] = counts.get(kind, 0) + 1
    kinds = sorted(counts, key=lambda kind: (-counts[kind], _kind_order(kind)))
    groups = group_seeds(runs)
    return Comparison(
        runs=tuple(runs),
        groups=groups,
        kinds=tuple(kinds[:1] + sorted(kinds[1:], key=_kind_order)),
        classes=tuple(dict.fromkeys(name for one in evaluations.values() for name in one.classes)),
        evaluations=evaluations,
        differing=differing_hyperparameters([group.runs[0] for group in groups]),
    )


def spread(values: Iterable[float | None]) -> Spread | None:
    """Mean and standard deviation of the values that are there."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def group_seeds(runs: Sequence[RunRecord]) -> tuple[Group, ...]:
    """Put finished runs together that have the same config and the same hyperparameters but for the seed.

    A run that is not finished, or whose hyperparameters are not known, stands alone.
    """
    members: dict[Hashable, list[RunRecord]] = {}
    for run in runs:
        settings = tuple(sorted((key, str(value)) for key, value in run.hyperparameters.items() if key != SEED))
        alone = run.status != FINISHED or not settings
        members.setdefault((run.name if alone else None, run.experiment, settings), []).append(run)
    groups: list[Group] = []
    taken: set[str] = set()
    for found in members.values():
        label = _common_name([run.name for run in found]) or found[0].experiment
        number = 1
        while (unique := label if number == 1 else f'{label} ({number})') in taken:
            number += 1
        taken.add(unique)
        groups.append(Group(unique, tuple(found)))
    return tuple(groups)


def differing_hyperparameters(runs: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """The hyperparameters whose values are not the same in all runs; the seed and runs without any are left aside."""
    described = [run for run in runs if run.hyperparameters]
    keys = dict.fromkeys(key for run in described for key in run.hyperparameters if key != SEED)
    return {
        key: [run.hyperparameters.get(key) for run in runs]
        for key in keys
        if len({str(run.hyperparameters.get(key)) for run in described}) > 1
    }


def _common_name(names: Sequence[str]) -> str:
    """``run-s0``, ``run-s1`` → ``run``."""
    if len(names) == 1:
        return names[0]
    first, last = min(names), max(names)
    shared = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return re.sub(r'([-_./ ](seed|s))?[-_./ =]*$', '', first[:shared])


def _name_evaluations(runs: Sequence[RunRecord]) -> dict[tuple[str, str], Evaluation]:
    """A kind's name tells the label set only where there are several: it is not always known."""
    label_sets: dict[tuple[str, bool], set[str]] = {}
    for run in runs:
        for one in run.evaluations:
            label_sets.setdefault((one.split, one.tta), set()).update({one.labels} if one.labels else ())
    named: dict[tuple[str, str], Evaluation] = {}
    for run in runs:
        for one in run.evaluations:
            several = len(label_sets[one.split, one.tta]) > 1
            parts = [one.split, 'TTA' if one.tta else '', (one.labels or 'unknown labels') if several else '']
            named.setdefault((run.name, ' · '.join(part for part in parts if part)), one)
    return named


def _kind_order(kind: str) -> tuple[int, str]:
    split = kind.split(' · ')[0]
    return (SPLIT_ORDER.index(split) if split in SPLIT_ORDER else len(SPLIT_ORDER), kind)
