from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation import confusion
from mmseg_ext.evaluation.confusion import confusion_matrix


def count_slowly(prediction: NDArray, truth: NDArray, num_classes: int, ignore_index: int) -> list[list[int]]:
    counts = [[0] * num_classes for _ in range(num_classes)]
    for predicted, true in zip(prediction.ravel().tolist(), truth.ravel().tolist(), strict=True):
        if true != ignore_index:
            counts[true][predicted] += 1
    return counts


def test_rows_are_true_and_columns_predicted() -> None:
    truth = np.array([[0, 0], [1, 1]])
    prediction = np.array([[0, 1], [1, 1]])
    assert confusion_matrix(prediction, truth, 2).tolist() == [[1, 1], [0, 2]]


def test_three_classes_and_ignored_pixels() -> None:
    truth = np.array([[0, 1, 2, 255], [2, 2, 1, 255]], np.uint8)
    prediction = np.array([[0, 2, 2, 1], [0, 2, 1, 0]], np.uint8)
    counts = confusion_matrix(prediction, truth, 3)
    assert counts.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 2]]
    assert counts.dtype == np.int64


@given(data=st.data(), num_classes=st.integers(1, 256), kind=st.sampled_from([np.uint8, np.int32, np.int64]))
def test_equal_to_a_plain_loop(data: st.DataObject, num_classes: int, kind: type) -> None:
    ignore_index = data.draw(st.integers(0, 255), 'ignore_index')
    seed = data.draw(st.integers(0, 2**32), 'seed')
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 12, 2))
    prediction = rng.integers(0, num_classes, shape).astype(kind)
    truth = rng.integers(0, num_classes, shape).astype(kind)
    truth[rng.random(shape) < 0.2] = ignore_index
    expected = count_slowly(prediction, truth, num_classes, ignore_index)
    assert confusion_matrix(prediction, truth, num_classes, ignore_index).tolist() == expected


@pytest.mark.parametrize('num_classes', [3, 16, 17, 256])
def test_every_pair_has_its_own_count(num_classes: int) -> None:
    times = np.arange(num_classes**2).reshape(num_classes, num_classes) % 7
    rows, columns = np.indices(times.shape)
    truth, prediction = np.repeat(rows.ravel(), times.ravel()), np.repeat(columns.ravel(), times.ravel())
    ignore_index = 255
    expected = times.copy()
    expected[ignore_index:] = 0
    counts = confusion_matrix(prediction[None], truth[None], num_classes, ignore_index)
    np.testing.assert_array_equal(counts, expected)


def test_memory_order_and_views_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    truth, prediction = rng.integers(0, 3, (2, 8, 6))
    expected = count_slowly(prediction, truth, 3, 255)
    assert confusion_matrix(np.asfortranarray(prediction), truth, 3).tolist() == expected
    assert confusion_matrix(prediction[::-1, ::-1], truth[::-1, ::-1], 3).tolist() == expected


def test_counts_beyond_what_float32_holds_are_exact() -> None:
    side = 4097  # 16 785 409 pixels, more than 2^24, and odd
    truth = np.zeros((side, side), np.uint8)
    prediction = np.zeros_like(truth)
    prediction[0, :2] = 1  # leaves an odd number, which float32 would round
    assert confusion_matrix(prediction, truth, 2).tolist() == [[side * side - 2, 2], [0, 0]]


def test_blocks_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confusion, 'MAX_EXACT_FLOAT32', 5)
    rng = np.random.default_rng(1)
    truth, prediction = rng.integers(0, 3, (2, 7, 9))
    assert confusion_matrix(prediction, truth, 3).tolist() == count_slowly(prediction, truth, 3, 255)


def test_an_empty_image_counts_nothing() -> None:
    assert confusion_matrix(np.zeros((0, 4), int), np.zeros((0, 4), int), 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ('stray', 'kind'), [(3, np.uint8), (200, np.uint8), (-1, np.int64), (300, np.int64), (2**16, np.int64)]
)
def test_a_stray_value_of_the_truth_names_mask_and_value(stray: int, kind: type) -> None:
    truth = np.array([[0, 255], [1, stray]], dtype=kind)
    with pytest.raises(InputError, match=rf'^cat\.png: mask holds {stray}, but classes are 0 to 2 .* 255; '):
        confusion_matrix(np.zeros((2, 2), int), truth, 3, name='cat.png')


@pytest.mark.parametrize('stray', [3, -1, 255])
def test_a_stray_prediction_is_a_defect(stray: int) -> None:
    prediction = np.array([[0, stray]])
    with pytest.raises(ValueError, match=rf'^cat\.png: predicted class {stray}, but the 3 classes are 0 to 2$'):
        confusion_matrix(prediction, np.array([[0, 0]]), 3, name='cat.png')


def test_different_sizes() -> None:
    with pytest.raises(InputError, match=r'^cat\.png: mask is 5×4, its prediction 4×5; '):
        confusion_matrix(np.zeros((5, 4), int), np.zeros((4, 5), int), 3, name='cat.png')


@pytest.mark.parametrize(('num_classes', 'ignore_index'), [(257, 255), (3, -1), (3, 256)])
def test_what_no_mask_can_hold_is_refused(num_classes: int, ignore_index: int) -> None:
    with pytest.raises(ValueError, match='0 to 255'):
        confusion_matrix(np.zeros((1, 1), int), np.zeros((1, 1), int), num_classes, ignore_index)
