"""Comparison of runs: kinds of evaluation, groups of runs, hyperparameters that differ."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmseg_ext.reports.compare.pairs import PairedSet, paired_sets
from mmseg_ext.runs.record import FINISHED, Evaluation, RunRecord, Score
from mmseg_ext.runs.schema import as_setting
from mmseg_ext.runs.settings import differing_settings, settings

SEED = 'seed'
SPLIT_ORDER = ('val', 'test')


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (n − 1; None for a single value) of a quantity over the runs of a group."""

    mean: float
    sd: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """Finished runs that differ only in their seed or fold, or a single run.

    Attributes:
        label: Name on the page; unique there.
        runs: The runs.
    """

    label: str
    runs: tuple[RunRecord, ...]

    @property
    def experiment(self) -> str:
        """Name of the config."""
        return self.runs[0].experiment

    @property
    def seeds(self) -> list[int]:
        """The known seeds, sorted."""
        return sorted(run.seed for run in self.runs if run.seed is not None)


@dataclass(frozen=True)
class Comparison:
    """Runs, prepared for tables and charts.

    Attributes:
        runs: In the order given.
        groups: In the order of their first runs.
        kinds: Names of the evaluations that may be compared with each other (``val``, ``val · TTA``, …); the one that
            most runs have comes first.
        classes: All class names, in the order of their first occurrence.
        evaluations: (name of the run, kind) → evaluation.
        differing: Hyperparameter → its value in each group, None where the group does not have it.
    """

    runs: tuple[RunRecord, ...]
    groups: tuple[Group, ...]
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    evaluations: dict[tuple[str, str], Evaluation]
    differing: dict[str, list[Any]]

    @cached_property
    def paired_sets(self) -> list[PairedSet]:
        """The evaluations that can be compared image by image, and the tests between them; computed when first used."""
        return paired_sets(self.evaluations)

    def score(self, run: RunRecord, kind: str, label: str | None = None) -> Score | None:
        """Return the mDice of a run, or the Dice of one class; None where it has none."""
        evaluation = self.evaluations.get((run.name, kind))
        if evaluation is None:
            return None
        return evaluation.mean if label is None else evaluation.classes.get(label)

    def spread(self, group: Group, kind: str, label: str | None = None) -> Spread | None:
        """Return the mDice over the runs of a group, or the Dice of one class; None where no run has it."""
        scores = (self.score(run, kind, label) for run in group.runs)
        return spread(score.value for score in scores if score is not None)


def compare_runs(runs: Sequence[RunRecord]) -> Comparison:
    """Compare runs, wherever they were read from.

    Raises:
        ValueError: Two runs have the same name.
    """
    if len({run.name for run in runs}) != len(runs):
        raise ValueError('each run must have a unique name')
    evaluations = _name_evaluations(runs)
    counts = Counter(kind for _, kind in evaluations)
    kinds = sorted(counts, key=lambda kind: (-counts[kind], _kind_order(kind)))
    groups = group_seeds(runs)
    return Comparison(
        runs=tuple(runs),
        groups=groups,
        kinds=tuple(kinds[:1] + sorted(kinds[1:], key=_kind_order)),
        classes=tuple(dict.fromkeys(name for evaluation in evaluations.values() for name in evaluation.classes)),
        evaluations=evaluations,
        differing=differing_hyperparameters([group.runs[0] for group in groups]),
    )


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return mean and standard deviation of the finite values, or None where there are none.

    >>> spread([80.0, 84.0, None])
    Spread(mean=82.0, sd=2.8284271247461903, count=2)
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def group_seeds(runs: Sequence[RunRecord]) -> tuple[Group, ...]:
    """Group finished runs of the same config whose settings are equal but for the seed.

    A run that is not finished, or whose hyperparameters are unknown, is a group of its own.
    """
    members: dict[Hashable, list[RunRecord]] = {}
    for run in runs:
        shown = {key: value for key, value in run.hyperparameters.items() if key != SEED}
        values = tuple(
            sorted((str(key), str(value)) for part in (shown, settings(run.config)) for key, value in part.items())
        )
        is_alone = run.status != FINISHED or not shown
        members.setdefault((run.name if is_alone else None, run.experiment, values), []).append(run)
    groups: list[Group] = []
    taken: set[str] = set()
    for group_runs in members.values():
        label = _common_name([run.name for run in group_runs]) or group_runs[0].experiment
        number = 1
        while (unique := label if number == 1 else f'{label} ({number})') in taken:
            number += 1
        taken.add(unique)
        groups.append(Group(unique, tuple(group_runs)))
    return tuple(groups)


def differing_hyperparameters(runs: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """Return the hyperparameters whose values differ, one value per run (None where a run does not have it).

    Those of `hyperparameters` come first, then what differs besides in the config, under its dotted key. The seed is
    left out. Runs without any hyperparameters do not count as different.
    """
    described = [run for run in runs if run.hyperparameters]
    keys = dict.fromkeys(key for run in described for key in run.hyperparameters if key != SEED)
    shown = {
        key: [run.hyperparameters.get(key) for run in runs]
        for key in keys
        if len({str(run.hyperparameters.get(key)) for run in described}) > 1
    }
    others = differing_settings([run.config for run in runs])
    return shown | {key: [as_setting(value) for value in values] for key, values in others.items()}


def _common_name(names: Sequence[str]) -> str:
    """``run-s0``, ``run-s1`` → ``run``."""
    if len(names) == 1:
        return names[0]
    first, last = min(names), max(names)
    shared = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return re.sub(r'([-_./ ](seed|s))?[-_./ =]*$', '', first[:shared])


def _name_evaluations(runs: Sequence[RunRecord]) -> dict[tuple[str, str], Evaluation]:
    """Name the kind of each evaluation, with the label set only where there are several, since it may be unknown."""
    label_sets: dict[tuple[str, bool], set[str]] = {}
    for run in runs:
        for evaluation in run.evaluations:
            known = label_sets.setdefault((evaluation.split, evaluation.tta), set())
            known.update({evaluation.labels} if evaluation.labels else ())
    named: dict[tuple[str, str], Evaluation] = {}
    for run in runs:
        for evaluation in run.evaluations:
            parts = [evaluation.split, 'TTA' if evaluation.tta else '']
            if len(label_sets[evaluation.split, evaluation.tta]) > 1:
                parts.append(evaluation.labels or 'unknown labels')
            named.setdefault((run.name, ' · '.join(part for part in parts if part)), evaluation)
    return named


def _kind_order(kind: str) -> tuple[int, str]:
    split = kind.split(' · ')[0]
    return (SPLIT_ORDER.index(split) if split in SPLIT_ORDER else len(SPLIT_ORDER), kind)
