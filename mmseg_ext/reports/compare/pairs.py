"""Paired evaluations: runs that were scored on the same images and masks, compared image by image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.bootstrap import PairedTest, paired_tests
from mmseg_ext.evaluation.records import Records
from mmseg_ext.evaluation.scores import scores_from_confusion
from mmseg_ext.runs.record import Evaluation

RESAMPLES = 10_000
LARGE_SET_ENTRIES = 20  # evaluations; their pairs are 190
LARGE_SET_RESAMPLES = 2000

Entry = tuple[str, str]  # name of the run, kind of evaluation


@dataclass(frozen=True)
class PairedSet:
    """E evaluations of the same N images with K classes.

    Attributes:
        classes: The class names.
        entries: E pairs (name of the run, kind).
        evaluations: The E evaluations.
        rows: For each evaluation the rows of its records in the common order, shape (N,).
        stems: N file names without suffix.
        dice: Dice of each class of each image, 0–1, shape (E, N, K); NaN where a class is neither in the ground truth
            nor in the prediction.
        resamples: Bootstrap resamples of the tests.
        tests: (i, j) with i < j → test of the mDice of entry j minus that of entry i.
    """

    classes: tuple[str, ...]
    entries: list[Entry]
    evaluations: list[Evaluation]
    rows: list[NDArray[np.int64]]
    stems: list[str]
    dice: NDArray[np.float64]
    resamples: int
    tests: dict[tuple[int, int], PairedTest]

    def image_scores(self) -> NDArray[np.float64]:
        """Return the mDice of each image, the mean over the classes that it has: 0–1, shape (E, N)."""
        known = ~np.isnan(self.dice)
        sums = np.where(known, self.dice, 0).sum(axis=-1)
        return sums / np.maximum(known.sum(axis=-1), 1)


def paired_sets(evaluations: Mapping[Entry, Evaluation]) -> list[PairedSet]:
    """Find the evaluations that can be paired and test each pair of them.

    Two can be paired if they have the same classes and images, and in each image the same number of true pixels of each
    class: other masks, or images scored at another size, are another ground truth.

    Returns:
        One set per ground truth, the largest first.
    """
    members: dict[Hashable, dict[Entry, Evaluation]] = {}
    for entry, evaluation in evaluations.items():
        if evaluation.records is not None and len(evaluation.records):
            members.setdefault(_ground_truth(evaluation.records), {})[entry] = evaluation
    return sorted(map(_paired_set, members.values()), key=lambda paired: -len(paired.entries))


def _order(records: Records) -> NDArray[np.int64]:
    names = [f'{split}/{stem}' for split, stem in zip(records.splits, records.stems, strict=True)]
    return np.argsort(np.array(names), kind='stable')


def _ground_truth(records: Records) -> Hashable:
    order = _order(records)
    stems = tuple(records.stems[row] for row in order)
    return records.classes, stems, records.confusion[order].sum(axis=2).tobytes()


def _paired_set(members: Mapping[Entry, Evaluation]) -> PairedSet:
    evaluations = list(members.values())
    all_records = [evaluation.records for evaluation in evaluations if evaluation.records is not None]
    rows = [_order(records) for records in all_records]
    confusions = [records.confusion[order] for records, order in zip(all_records, rows, strict=True)]
    resamples = RESAMPLES if len(members) <= LARGE_SET_ENTRIES else LARGE_SET_RESAMPLES
    return PairedSet(
        classes=all_records[0].classes,
        entries=list(members),
        evaluations=evaluations,
        rows=rows,
        stems=[all_records[0].stems[row] for row in rows[0]],
        dice=np.stack([scores_from_confusion(confusion)['Dice'] for confusion in confusions]),
        resamples=resamples,
        tests=paired_tests(confusions, resamples=resamples),
    )
