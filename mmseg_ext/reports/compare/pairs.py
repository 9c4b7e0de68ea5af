"""Runs that have scored the same images against the same masks, image by image."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.bootstrap import PairedTest, paired_tests
from mmseg_ext.evaluation.records import Records
from mmseg_ext.evaluation.scores import scores_from_confusion
from mmseg_ext.reports.compare.comparison import Comparison
from mmseg_ext.runs.record import Evaluation

RESAMPLES, RESAMPLES_OF_MANY = 10_000, 2000
MANY = 20  # evaluations; their pairs are 190


@dataclass(frozen=True)
class PairedSet:
    """E evaluations of the same N images with K classes.

    Attributes:
        classes: The class names.
        entries: E pairs (name of the run, kind).
        evaluations: The E evaluations.
        rows: For each evaluation the rows of its records in the common order, shape (N,).
        stems: N file names without suffix.
        dice: Dice of each class of each image, shape (E, N, K), NaN where a class is neither there nor predicted.
        resamples: B, as used for the tests.
        tests: (i, j) with i < j → the mDice of entry j minus that of entry i.
    """

    classes: tuple[str, ...]
    entries: list[tuple[str, str]]
    evaluations: list[Evaluation]
    rows: list[NDArray[np.int64]]
    stems: list[str]
    dice: NDArray[np.float64]
    resamples: int
    tests: dict[tuple[int, int], PairedTest]

    def image_scores(self) -> NDArray[np.float64]:
        """The mDice of each image: the mean over the classes that it has, shape (E, N)."""
        known = ~np.isnan(self.dice)
        sums = np.where(known, self.dice, 0).sum(axis=-1)
        return sums / np.maximum(known.sum(axis=-1), 1)


def paired_sets(comparison: Comparison) -> list[PairedSet]:
    """Find the evaluations that can be paired and test each pair of them; the largest set comes first.

    Two belong together if they have the same classes and images, and in each image as many true pixels of each class:
    masks of another label set, or images scored at another size, are another truth.
    """
    found: dict[Hashable, list[tuple[tuple[str, str], Evaluation]]] = {}
    for entry, evaluation in comparison.evaluations.items():
        if evaluation.records is not None and len(evaluation.records):
            found.setdefault(_truth(evaluation.records), []).append((entry, evaluation))
    sets = [_paired_set(members) for members in found.values()]
    return sorted(sets, key=lambda one: -len(one.entries))


def _order(records: Records) -> NDArray[np.int64]:
    names = [f'{split}/{stem}' for split, stem in zip(records.splits, records.stems, strict=True)]
    return np.argsort(np.array(names), kind='stable')


def _truth(records: Records) -> Hashable:
    order = _order(records)
    stems = tuple(records.stems[row] for row in order)
    return records.classes, stems, records.confusion[order].sum(axis=2).tobytes()


def _paired_set(members: list[tuple[tuple[str, str], Evaluation]]) -> PairedSet:
    evaluations = [evaluation for _, evaluation in members]
    all_records = [evaluation.records for evaluation in evaluations if evaluation.records is not None]
    rows = [_order(records) for records in all_records]
    counts = [records.confusion[order] for records, order in zip(all_records, rows, strict=True)]
    resamples = RESAMPLES if len(members) <= MANY else RESAMPLES_OF_MANY
    return PairedSet(
        classes=all_records[0].classes,
        entries=[entry for entry, _ in members],
        evaluations=evaluations,
        rows=rows,
        stems=[all_records[0].stems[row] for row in rows[0]],
        dice=np.stack([scores_from_confusion(one)['Dice'] for one in counts]),
        resamples=resamples,
        tests=paired_tests(counts, resamples=resamples),
    )
