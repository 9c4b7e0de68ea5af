"""Counting by outlines, compared with counting by labelled pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage

from mmseg_ext.eda.audit.measured_mask import MeasuredMask, find_outlined_regions
from mmseg_ext.eda.regions import find_regions

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12))
BINARY = arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1]))
TERNARY = arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 1, 2]))  # 2: ignored
RING_IN_RING = np.pad(np.pad(np.pad(np.ones((1, 1), np.uint8), 1), 1, constant_values=1), 1)


def boxes_of(labels: NDArray[np.int32]) -> list[tuple[int, int, int, int]]:
    slices = ndimage.find_objects(labels)
    return [(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in slices]


@given(BINARY)
@example(RING_IN_RING)
def test_regions_equal_those_of_scipy(binary: NDArray[np.uint8]) -> None:
    labels, count = ndimage.label(binary, np.ones((3, 3)))
    expected = list(zip(boxes_of(labels), np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist(), strict=True))
    found = [(region.box, region.area) for region in find_outlined_regions(binary)]
    assert found == expected  # scipy numbers by the first pixel too
    regions = find_regions(binary)
    assert list(zip(map(tuple, regions.boxes.tolist()), regions.areas.tolist(), strict=True)) == expected
    assert np.array_equal(regions.labels, labels)


def rings(*values: int) -> NDArray[np.uint8]:
    """Concentric squares, the innermost value first."""
    mask = np.full((3, 3), values[0], np.uint8)
    for value in values[1:]:
        mask = np.pad(mask, 1, constant_values=value)
    return mask


@given(TERNARY)
@example(rings(0, 1, 0, 1))
@example(rings(0, 1, 0, 2, 1))  # a hole with ignored pixels around an island with a hole of its own
@example(RING_IN_RING)
@example(np.where(np.pad(np.full((1, 2), 2, np.uint8), 2) == 2, 2, 1).astype(np.uint8))  # nothing but ignored inside
def test_holes_are_the_enclosed_parts_of_the_complement(mask: NDArray[np.uint8]) -> None:
    foreground, ignored = (mask == 1).astype(np.uint8), (mask == 2).astype(np.uint8)
    labels, _ = ndimage.label(foreground == 0)  # 4-connected
    at_border = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).tolist())
    expected = sorted(
        (box, int(np.count_nonzero((labels == number) & (mask == 0))))
        for number, box in enumerate(boxes_of(labels), 1)
        if number not in at_border and np.any((labels == number) & (mask == 0))
    )
    regions = find_outlined_regions(foreground, ignored)
    assert sorted((hole.box, hole.area) for region in regions for hole in region.holes) == expected


def test_a_hole_belongs_to_the_region_around_it() -> None:
    mask = np.zeros((9, 20), np.uint8)
    mask[1:6, 1:6] = 1
    mask[2:5, 2:5] = 0
    mask[1:8, 10:17] = 1
    mask[2:7, 11:16] = 0
    mask[4, 13] = 1  # an island in the second hole
    left, right, island = find_outlined_regions(mask)
    assert [hole.area for hole in left.holes] == [9]
    assert [hole.area for hole in right.holes] == [24]
    assert island.area == 1
    assert island.holes == []


def test_the_polygon_of_a_rectangle_has_four_corners() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[3:13, 5:25] = 1
    assert sorted(find_outlined_regions(mask)[0].polygon) == [[5, 3], [5, 12], [24, 3], [24, 12]]


@pytest.mark.parametrize('classes', [3, 30])
def test_counts_hold_every_pixel_once(classes: int) -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 1, 2, 7, 255], np.uint8), (13, 17))
    for pixels in (mask, np.where(mask > 2, 0, mask).astype(np.uint8)):
        counted = MeasuredMask(pixels, classes)
        assert counted.counts == np.bincount(pixels.ravel(), minlength=256).tolist()
        assert counted.counts[0] + counted.area + counted.unknown == pixels.size
        assert np.count_nonzero(counted.foreground) == counted.area
