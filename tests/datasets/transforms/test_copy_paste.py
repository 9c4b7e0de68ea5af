from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ext.datasets.transforms import CopyPaste

SEEDS = st.integers(0, 2**32 - 1)
AS_IT_WAS: dict[str, Any] = {'scale': (1.0, 1.0), 'flip': 0.0, 'shift': 0.0, 'feather': 0.0, 'min_area': 1}
BLOB = np.array([[0, 1, 1], [2, 2, 1], [2, 0, 0]], np.uint8)  # two classes that touch


def sample(mask: np.ndarray, value: int | np.ndarray) -> dict[str, Any]:
    """A sample whose image is ``value`` everywhere, plus ten times the mask."""
    image = np.repeat((value + 10 * (mask % 200))[..., None], 3, 2).astype(np.uint8)
    return {'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']}


def paste(
    target: np.ndarray, source: np.ndarray, seed: int = 0, **arguments: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, mask, and where the mask's pixels come from the source."""
    np.random.seed(seed)
    transform = CopyPaste(**{**AS_IT_WAS, **arguments})
    results = transform({**sample(target, 0), 'mix_results': [sample(source, 100)]})
    return results['img'], results['gt_seg_map'], results['img'][..., 0] >= 100


def inside(blob: np.ndarray, size: tuple[int, int], top: int, left: int) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    mask[top : top + blob.shape[0], left : left + blob.shape[1]] = blob
    return mask


def test_an_object_lands_where_it_was_and_nothing_else_changes() -> None:
    target = np.full((8, 9), 255, np.uint8)
    target[:4] = 3
    source = inside(BLOB, (8, 9), 2, 3)
    image, mask, pasted = paste(target, source, max_hidden=1.0)
    np.testing.assert_array_equal(mask, np.where(source > 0, source, target))
    np.testing.assert_array_equal(pasted, source > 0)
    np.testing.assert_array_equal(image[source > 0], sample(source, 100)['img'][source > 0])
    np.testing.assert_array_equal(image[source == 0], sample(target, 0)['img'][source == 0])


def test_a_flip_turns_it_round_at_its_place() -> None:
    _, mask, _ = paste(np.zeros((8, 9), np.uint8), inside(BLOB, (8, 9), 2, 3), flip=1.0)
    np.testing.assert_array_equal(mask, inside(BLOB[:, ::-1], (8, 9), 2, 3))


def test_scale_and_the_sizes_of_the_two_photographs_are_counted() -> None:
    """A photograph half as large gives the same share of the picture; a scale of 3 on top gives its ninefold."""
    source = inside(np.array([[1, 1], [2, 2]], np.uint8), (10, 10), 4, 4)
    _, mask, _ = paste(np.zeros((20, 20), np.uint8), source)
    np.testing.assert_array_equal(mask, np.kron(source, np.ones((2, 2), np.uint8)))
    _, mask, _ = paste(np.zeros((20, 20), np.uint8), source, scale=(3.0, 3.0), max_share=0.5)
    assert (mask > 0).sum() == 144


def test_ignored_pixels_and_background_are_never_pasted() -> None:
    source = inside(np.array([[255, 255, 255], [255, 1, 255], [255, 0, 255]], np.uint8), (9, 9), 3, 3)
    _, mask, pasted = paste(np.full((9, 9), 2, np.uint8), source)
    assert pasted.sum() == 1
    assert mask[4, 4] == 1
    assert set(np.unique(mask)) == {1, 2}


def test_only_the_chosen_classes_are_pasted() -> None:
    source = inside(BLOB, (9, 9), 3, 3)
    for classes, expected in (([2], {0, 2}), ([1], {0, 1}), ([1, 2], {0, 1, 2}), (None, {0, 1, 2})):
        _, mask, _ = paste(np.zeros((9, 9), np.uint8), source, classes=classes)
        assert set(np.unique(mask)) == expected
    _, mask, _ = paste(np.zeros((9, 9), np.uint8), np.where(source == 2, 9, source), ignore_index=9)
    assert set(np.unique(mask)) == {0, 1}


def test_an_object_cut_by_its_photograph_is_left_out_unless_wanted() -> None:
    for top, left in ((0, 3), (3, 0), (6, 3), (3, 6)):
        source = inside(BLOB | 1, (9, 9), top, left)
        assert not paste(np.zeros((9, 9), np.uint8), source)[2].any()
        assert paste(np.zeros((9, 9), np.uint8), source, whole=False)[2].sum() == 9
    assert paste(np.zeros((9, 9), np.uint8), inside(BLOB | 1, (9, 9), 1, 5))[2].sum() == 9


def test_the_limits_hold() -> None:
    target, source = np.zeros((10, 10), np.uint8), inside(np.ones((4, 5), np.uint8), (10, 10), 3, 3)
    assert paste(target, source, min_area=20)[2].sum() == 20
    assert paste(target, source, min_area=21)[2].sum() == 0
    assert paste(target, source, max_share=0.2)[2].sum() == 20
    assert paste(target, source, max_share=0.19)[2].sum() == 0
    target[3:7, 6:10] = 2  # of its 16 pixels 8 would be hidden
    assert paste(target, source, max_hidden=0.5)[2].sum() == 20
    assert paste(target, source, max_hidden=0.49)[2].sum() == 0
    target[3:7, 6:10] = 255  # nobody knows of what is hidden then
    assert paste(target, source, max_hidden=0.0)[2].sum() == 20


def test_so_many_objects_at_most_and_together_below_the_share() -> None:
    source = np.zeros((20, 20), np.uint8)
    source[2:18:4, 2:18:4] = 1  # sixteen single pixels
    counts = {int(paste(np.zeros((20, 20), np.uint8), source, seed, max_objects=3)[2].sum()) for seed in range(30)}
    assert counts == {1, 2, 3}
    shares = [paste(np.zeros((20, 20), np.uint8), source, seed, max_objects=16, max_share=0.01) for seed in range(10)]
    assert max(int(pasted.sum()) for *_, pasted in shares) == 4


@settings(max_examples=80)
@given(SEEDS, st.floats(0, 1), st.floats(0.3, 2.0), st.tuples(st.integers(24, 50), st.integers(24, 50)))
def test_an_object_lies_whole_within_the_picture_and_near_its_place(
    seed: int, shift: float, scale: float, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    top, left = rng.integers(1, 29, 2)
    source = inside(np.ones((9, 10), np.uint8), (40, 40), top, left)
    factor = scale * (size[0] * size[1]) ** 0.5 / 40
    fits = factor * 10 < size[1] - 1 and factor * 9 < size[0] - 1
    _, _, pasted = paste(np.zeros(size, np.uint8), source, seed, scale=(scale, scale), shift=shift, max_share=1.0)
    if not fits or not pasted.any():
        assert factor < 0.2 or not fits
        return
    assert pasted.sum() == pytest.approx(90 * factor**2, rel=0.35, abs=20 * factor)  # nothing of it is cut off
    rows, columns = np.nonzero(pasted)
    assert np.ptp(columns) + 1 == pytest.approx(10 * factor, abs=1.01)
    assert np.ptp(rows) + 1 == pytest.approx(9 * factor, abs=1.01)
    half = 5 * factor
    was = np.clip((left + 5) / 40 * size[1], half, size[1] - half)
    assert abs(columns.mean() + 0.5 - was) <= shift * size[1] + 1


def test_it_is_pasted_anywhere_alike() -> None:
    """No heap at the border, where a shift beyond it would be cut off."""
    source = inside(np.ones((2, 2), np.uint8), (40, 40), 30, 30)
    places = []
    for seed in range(400):
        _, _, pasted = paste(np.zeros((40, 40), np.uint8), source, seed, shift=1.0)
        places.append([index.mean() for index in np.nonzero(pasted)])
    counts = np.histogram2d(*np.array(places).T, bins=2, range=[[0, 39], [0, 39]])[0]
    assert counts.min() > 70
    assert (np.array(places) < 3).mean() < 0.12


def test_the_border_fades_in_the_image_and_not_in_the_mask() -> None:
    source = inside(np.ones((8, 8), np.uint8), (20, 20), 6, 6)
    image, mask, _ = paste(np.zeros((20, 20), np.uint8), source, feather=1.5)
    np.testing.assert_array_equal(mask, source)
    across = image[10, :, 0].astype(int)
    assert across[10] > 105
    assert across[0] == 0
    assert (np.diff(across[:10]) >= 0).all()
    assert len(set(across[:10])) > 5
    assert 45 < (across[5] + across[6]) / 2 < 65  # half of 110 where the mask changes


def test_all_masks_of_a_sample_are_pasted_alike() -> None:
    source, target = (sample(mask, 0) for mask in (inside(BLOB, (9, 9), 3, 3), np.zeros((9, 9), np.uint8)))
    source['depth'], target['depth'] = source['gt_seg_map'] + 50, target['gt_seg_map'] + 20
    target['seg_fields'] = ['gt_seg_map', 'depth']
    results = CopyPaste(**AS_IT_WAS)({**target, 'mix_results': [source]})
    np.testing.assert_array_equal(results['depth'], np.where(source['gt_seg_map'] > 0, source['depth'], 20))


def test_without_masks_or_others_or_objects_the_sample_stays() -> None:
    mask = inside(BLOB, (9, 9), 3, 3)
    others: list[Any] = [[], [{'img': np.zeros((9, 9, 3), np.uint8)}], [sample(mask * 0, 0)]]
    for mix in others:
        target = sample(mask, 0)
        results = CopyPaste(**AS_IT_WAS)({**target, 'mix_results': mix})
        assert results['img'] is target['img']
        assert results['gt_seg_map'] is mask


def test_another_is_drawn_with_the_probability_and_from_the_whole_set() -> None:
    np.random.seed(0)
    drawn = [CopyPaste(prob=0.25).get_indices(range(4)) for _ in range(1000)]
    assert 200 < sum(map(bool, drawn)) < 300
    assert {tuple(indices) for indices in drawn} == {(), (0,), (1,), (2,), (3,)}


@pytest.mark.parametrize(
    'wrong',
    [
        {'prob': 1.1}, {'flip': -0.1}, {'shift': 2.0}, {'max_share': 1.5}, {'max_hidden': -1.0}, {'scale': (0.0, 1.0)},
        {'scale': (2.0, 1.0)}, {'max_objects': 0}, {'min_area': 0}, {'feather': -1.0}, {'classes': [1, 255]},
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='CopyPaste: '):
        CopyPaste(**wrong)


class Masks:
    """A data set of four samples, which counts how often its masks are asked for."""

    shown = ([0, 1], [0, 2], [0, 1], [0, 2, 3])

    def __init__(self) -> None:
        self.asked = 0

    def __len__(self) -> int:
        return len(self.shown)

    def get_cat_ids(self, index: int) -> list[int]:
        self.asked += 1
        return self.shown[index]


def test_objects_of_named_classes_come_from_samples_that_show_them() -> None:
    np.random.seed(0)
    masks = Masks()
    transform = CopyPaste(prob=1.0, classes=[2])
    assert {tuple(transform.get_indices(masks)) for _ in range(50)} == {(1,), (3,)}
    assert masks.asked == 4  # once each, not at every draw
    assert {tuple(CopyPaste(prob=1.0).get_indices(masks)) for _ in range(50)} == {(0,), (1,), (2,), (3,)}
    assert CopyPaste(prob=1.0, classes=[4]).get_indices(masks) == []  # no sample shows it: nothing is pasted
    assert {tuple(CopyPaste(prob=1.0, classes=[2]).get_indices(range(3))) for _ in range(50)} == {(0,), (1,), (2,)}


def test_no_more_than_a_share_of_the_objects_of_any_class_is_hidden() -> None:
    """Class 2 is pasted; class 1, which is not, lies in its place, half of it or all of it."""
    source = inside(np.full((2, 2), 2, np.uint8), (8, 9), 3, 3)
    half = inside(np.full((2, 4), 1, np.uint8), (8, 9), 3, 3)
    assert (paste(half, source, classes=[2])[1] == 2).sum() == 4
    whole = inside(np.full((2, 2), 1, np.uint8), (8, 9), 3, 3)
    np.testing.assert_array_equal(paste(whole, source, classes=[2])[1], whole)
