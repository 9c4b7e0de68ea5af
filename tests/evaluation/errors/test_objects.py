from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_ext.evaluation.errors.objects import PREDICTED_OUTCOMES, TRUE_OUTCOMES, match_objects, object_scores


def masks() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((60, 60), np.uint8), np.zeros((60, 60), np.uint8)


def outcomes(matches: object, side: str, class_index: int) -> list[str]:
    names = TRUE_OUTCOMES if side == 'true' else PREDICTED_OUTCOMES
    counts = getattr(matches, side)[class_index]
    return [name for name, count in zip(names, counts, strict=True) for _ in range(count)]


def test_each_outcome_by_hand() -> None:
    truth, prediction = masks()
    truth[0:10, 0:10] = prediction[0:10, 0:9] = 1  # right class, IoU 0.9
    truth[0:10, 20:30], prediction[0:10, 20:30] = 1, 2  # another class
    truth[0:10, 40:50], prediction[0:10, 40:45], prediction[0:10, 45:50] = 1, 1, 2  # mixed: neither exceeds 0.5
    truth[20:30, 0:10] = prediction[20:25, 0:10] = 1  # badly outlined: IoU is 0.5 and does not exceed it
    truth[20:30, 20:30] = 1  # missed
    prediction[40:50, 40:50] = 2  # no object there
    matches = match_objects(prediction, truth, 3)
    assert outcomes(matches, 'true', 1) == list(TRUE_OUTCOMES)
    assert outcomes(matches, 'true', 2) == []
    assert outcomes(matches, 'predicted', 1) == ['right class', 'badly outlined', 'badly outlined']
    assert outcomes(matches, 'predicted', 2) == ['another class', 'badly outlined', 'no object there']
    assert matches.confused == {(1, 2): 1}
    assert matches.second_missed
    np.testing.assert_allclose(matches.counts, [[0, 0, 0, 0], [1, 4, 2, 0.9], [0, 0, 3, 0]])


def test_the_second_animal() -> None:
    truth, prediction = masks()
    truth[5:15, 5:15] = truth[30:40, 30:40] = 1
    prediction[5:15, 5:15] = 1
    assert match_objects(prediction, truth, 2).second_missed
    assert not match_objects(truth, truth, 2).second_missed
    assert not match_objects(np.zeros_like(truth), truth, 2).second_missed


def test_tiny_regions_are_no_objects() -> None:
    truth = np.zeros((300, 300), np.uint8)  # 0.01 % are 9 pixels
    truth[0, 0:8], truth[5, 0:9] = 1, 1
    assert match_objects(truth, truth, 2).true.sum() == 1


def test_ignored_pixels() -> None:
    truth, prediction = masks()
    truth[0:10, 0:10] = prediction[0:10, 0:15] = 1
    truth[0:10, 10:15] = 255  # half of the surplus would lower the IoU below 0.5
    prediction[30:40, 30:40] = 1
    truth[30:40, 30:36] = 255  # lies on ignored pixels by more than half, and matches nothing
    truth[20:24, 0:4], truth[24:34, 0:4], prediction[20:34, 0:4] = 1, 255, 1  # so does this, but it matches
    prediction[50:60, 0:10] = 1
    truth[50:60, 0:10] = 255  # nothing is left of it
    truth[45:49, 30:42], truth[45:49, 34:36] = 1, 255  # cut in two by ignored pixels in the ground truth alone
    prediction[45:49, 30:42] = 1
    prediction[45:49, 36:42] = 2
    truth[45:49, 36:42] = 0
    matches = match_objects(prediction, truth, 3)
    np.testing.assert_allclose(matches.counts, [[0] * 4, [3, 0, 0, 3], [0, 0, 1, 0]])
    assert matches.predicted.sum(1).tolist() == [0, 3, 1]


def panoptic_counts(prediction: np.ndarray, truth: np.ndarray, classes: int, background: int | None) -> np.ndarray:
    """TP, FN, FP and Σ IoU by the text of the paper, segment by segment: void is cut out of the union, and a predicted
    segment without a match, most of which is void, is no false positive."""
    void = truth == 255

    def segments(mask: np.ndarray) -> list[tuple[int, np.ndarray]]:
        found = []
        for value in range(classes):
            labels, count = ndimage.label((mask == value) & (value != background), np.ones((3, 3)))
            found += [(value, labels == number) for number in range(1, count + 1)]
        return [(value, part) for value, part in found if part.sum() >= 1e-4 * mask.size]

    counts = np.zeros((classes, 4))
    true, predicted = segments(truth), segments(prediction)
    matched = set()
    for value, segment in true:
        counts[value, 1] += 1
        for number, (other, guess) in enumerate(predicted):
            union = (segment | guess) & ~void
            iou = (segment & guess).sum() / union.sum()
            if value == other and iou > 0.5:
                counts[value] += (1, -1, 0, iou)
                matched.add(number)
    for number, (value, guess) in enumerate(predicted):
        if number not in matched and (guess & void).sum() <= guess.sum() / 2:
            counts[value, 2] += 1
    return counts


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.booleans(), st.integers(0, 4), st.floats(0.7, 3))
def test_panoptic_counts_as_in_the_paper(
    scenes: ModuleType, seed: int, classes: int, has_background: bool, void: int, sigma: float
) -> None:
    """With a border of void around every region, as in PASCAL VOC."""
    rng = np.random.default_rng(seed)
    truth = scenes.blobs(rng, (32, 40), classes, sigma)
    prediction = np.where(rng.random(truth.shape) < 0.97, np.roll(truth, rng.integers(0, 3), 1), 0).astype(np.uint8)
    edge = ndimage.maximum_filter(truth, 3) != ndimage.minimum_filter(truth, 3)
    if void:
        truth[ndimage.binary_dilation(edge, iterations=void) if void > 1 else edge] = 255
    background = 0 if has_background else None
    ours = match_objects(prediction, truth, classes, background=background).counts
    np.testing.assert_allclose(ours, panoptic_counts(prediction, truth, classes, background))


def test_scores_by_hand() -> None:
    counts = np.array([[2, 1, 0, 1.6], [1, 0, 3, 0.8]])
    scores = object_scores(counts, resamples=50)
    expected = {'precision': 3 / 6, 'recall': 3 / 4, 'F1': 3 / 5, 'SQ': 0.8, 'PQ': 0.48}
    assert {name: score.value for name, score in scores.items()} == pytest.approx(expected)
    assert all(score.low <= score.value <= score.high for score in scores.values())


@settings(max_examples=30)
@given(st.integers(2, 20), st.integers(0, 2**32 - 1), st.booleans())
def test_every_object_has_one_outcome(scenes: ModuleType, classes: int, seed: int, has_background: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = scenes.blobs(rng, (32, 40), classes)
    prediction = scenes.disturbed(rng, truth, classes)
    background = 0 if has_background else None
    matches = match_objects(prediction, truth, classes, background=background)
    hit, missed, unmatched, iou = matches.counts.T
    np.testing.assert_array_equal(matches.true.sum(1), hit + missed)
    np.testing.assert_array_equal(matches.predicted.sum(1), hit + unmatched)
    np.testing.assert_array_equal(matches.true[:, 0], hit)
    np.testing.assert_array_equal(matches.predicted[:, 0], hit)
    assert ((iou > 0.5 * hit) | (hit == 0)).all()
    assert (iou <= hit + 1e-9).all()
    perfect = match_objects(truth, truth, classes, background=background)
    np.testing.assert_allclose(perfect.counts[:, 3], perfect.true[:, 0])
    assert perfect.counts[:, 1:3].sum() == 0
