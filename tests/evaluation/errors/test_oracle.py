from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.causes import CAUSES, cause_counts, cause_map
from mmseg_ext.evaluation.errors.oracle import measure_repairs, repaired
from mmseg_ext.evaluation.scores import scores_from_confusion


def test_repair_by_hand() -> None:
    confusion = np.array([[10, 3], [2, 5]])
    np.testing.assert_array_equal(repaired(confusion, np.array([[0, 2], [1, 0]])), [[12, 1], [1, 6]])


def test_the_gain_is_that_of_masks_with_the_pixels_set_to_the_truth(scenes: ModuleType) -> None:
    masks = scenes.random_masks(6, 3)
    maps = {stem: cause_map(prediction, truth) for stem, (truth, prediction) in masks.items()}
    confusion = np.stack([confusion_matrix(prediction, truth, 3) for truth, prediction in masks.values()])
    causes = np.stack([cause_counts(maps[stem], p, t, 3) for stem, (t, p) in masks.items()])
    repairs = measure_repairs(confusion, causes, resamples=200)
    before = scores_from_confusion(confusion.sum(0))['mDice']
    for number, repair in enumerate(repairs, 1):
        mended = sum(confusion_matrix(np.where(maps[stem] == number, t, p), t, 3) for stem, (t, p) in masks.items())
        after = scores_from_confusion(mended)['mDice']
        assert repair.gain.value == pytest.approx(100 * (after - before))
        assert repair.gain.low <= repair.gain.value <= repair.gain.high
        assert repair.pixels == sum(int((one == number).sum()) for one in maps.values())
        assert repair.images == sum(bool((one == number).any()) for one in maps.values())
    assert len(repairs) == len(CAUSES)
    assert sum(repair.share.value for repair in repairs) == pytest.approx(100)
    assert sum(repair.pixels > 0 for repair in repairs) >= 5


def test_a_result_without_errors_has_no_shares() -> None:
    confusion = np.array([[[5, 0], [0, 5]]])
    repairs = measure_repairs(confusion, np.zeros((1, 9, 2, 2), np.int64), resamples=10)
    assert all(np.isnan(repair.share.value) and repair.gain.value == 0 for repair in repairs)
