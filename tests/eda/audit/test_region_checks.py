"""Each check on small masks worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.eda.audit import region_checks as checks
from mmseg_ext.eda.audit.findings import Hit
from mmseg_ext.eda.audit.measured_mask import MeasuredMask

IGNORED = 255


def empty(height: int = 20, width: int = 20) -> NDArray[np.uint8]:
    return np.zeros((height, width), np.uint8)


def measured(mask: NDArray[np.uint8] | Sequence[Sequence[int]], classes: int = 3) -> MeasuredMask:
    return MeasuredMask(np.asarray(mask, np.uint8), classes, IGNORED)


def value(hit: Hit | None) -> float | None:
    assert hit is not None
    return hit.value


def test_invalid_class_names_ids_but_not_the_ignored_one() -> None:
    mask = empty()
    mask[0, 0] = IGNORED
    assert checks.invalid_class(measured(mask)) is None
    mask[4, 5:7], mask[6, 9] = 3, 254
    hit = checks.invalid_class(measured(mask))
    assert value(hit) == 3
    assert hit is not None
    assert '3, 254' in hit.message
    assert hit.boxes == ((5, 4, 5, 3),)


def test_a_mask_that_is_ignored_everywhere_is_no_empty_one() -> None:
    mask = np.full((4, 4), IGNORED, np.uint8)
    assert checks.ignored_everywhere(measured(mask)) is not None
    assert checks.empty_mask(measured(mask)) is None
    mask[0, 0] = 0
    assert checks.ignored_everywhere(measured(mask)) is None
    hit = checks.empty_mask(measured(mask))
    assert hit is not None
    assert hit.message == 'the mask holds no object, only 15 ignored pixels'


@pytest.mark.parametrize('other', [0, 9])
def test_empty_mask(other: int) -> None:
    mask = np.full((4, 4), other, np.uint8)
    assert checks.empty_mask(measured(mask)) is not None
    mask[0, 0] = 1
    assert checks.empty_mask(measured(mask)) is None


def test_full_mask_is_one_without_background_and_ignored_pixels_are_none() -> None:
    mask = np.full((4, 4), 2, np.uint8)
    mask[0] = IGNORED
    assert checks.full_mask(measured(mask)) is not None
    mask[3, 3] = 0
    assert checks.full_mask(measured(mask)) is None
    assert checks.full_mask(measured(empty())) is None


def test_tiny_object_looks_at_each_class_by_itself() -> None:
    mask = empty()
    mask[:8, :10] = 1  # 80 of 400 pixels
    assert checks.tiny_object(measured(mask), share=0.2) is None
    assert value(checks.tiny_object(measured(mask), share=0.201)) == pytest.approx(0.2)
    mask[15, 15:18] = 2
    hit = checks.tiny_object(measured(mask), share=0.1)
    assert value(hit) == pytest.approx(3 / 400)
    assert hit is not None
    assert hit.boxes == ((15, 15, 3, 1),)
    assert checks.tiny_object(measured(empty()), share=0.5) is None


def test_fragments_counts_regions_of_any_class_eight_connected() -> None:
    mask = empty()
    mask[0, 0], mask[1, 1], mask[5, 5], mask[9, 9] = 1, 2, 1, 2  # the first two touch at a corner
    assert value(checks.fragments(measured(mask), most=2)) == 3
    assert checks.fragments(measured(mask), most=3) is None
    mask[3, 3] = IGNORED
    assert checks.fragments(measured(mask), most=3) is None


def test_noise_counts_regions_below_the_limit() -> None:
    mask = empty()
    mask[0, :10], mask[5, :9], mask[9, 3] = 1, 1, 2
    hit = checks.noise(measured(mask), below=10)
    assert value(hit) == 2
    assert hit is not None
    assert hit.boxes == ((0, 5, 9, 1), (3, 9, 1, 1))
    assert checks.noise(measured(mask), below=1) is None


def test_elongated_is_longer_side_over_shorter_and_the_limit_itself_is_fine() -> None:
    mask = empty()
    mask[2:4, :16] = 1
    assert checks.elongated(measured(mask), aspect=8) is None
    mask[2:4, 16] = 1
    assert value(checks.elongated(measured(mask), aspect=8)) == 8.5
    assert value(checks.elongated(measured(mask.T.copy()), aspect=8)) == 8.5


def test_holes_are_a_share_of_what_the_outer_border_encloses() -> None:
    mask = empty()
    mask[2:12, 2:12] = 1
    mask[4:9, 4:9] = 0  # 25 of 100 pixels
    assert value(checks.holes(measured(mask), share=0.2)) == 0.25
    assert checks.holes(measured(mask), share=0.25) is None
    mask[14:18, 14:18] = 2  # another object does not dilute the share
    assert value(checks.holes(measured(mask), share=0.2)) == 0.25
    mask[4, 4:9] = IGNORED  # neither object nor hole
    assert value(checks.holes(measured(mask), share=0.2)) == pytest.approx(20 / 95, abs=1e-6)
    mask[5, 0:5] = 0  # a way out
    assert checks.holes(measured(mask), share=0.01) is None


def test_pinholes_counts_small_holes() -> None:
    mask = empty()
    mask[2:18, 2:18] = 1
    mask[4, 4], mask[8, 8:11], mask[12:14, 10:15] = 0, 0, 0
    assert value(checks.pinholes(measured(mask), below=10)) == 2
    assert value(checks.pinholes(measured(mask), below=11)) == 3
    assert checks.pinholes(measured(mask), below=1) is None


def test_mixed_region_finds_the_half_of_an_object_but_not_a_touch() -> None:
    touching = empty()
    touching[2:10, 2:10], touching[8:14, 10:16] = 1, 2  # 2 px of 32 and of 24
    assert checks.mixed_region(measured(touching), contact=0.1) is None
    assert value(checks.mixed_region(measured(touching), contact=0.08)) == pytest.approx(2 / 24, abs=1e-6)
    halves = empty()
    halves[2:10, 2:10], halves[2:10, 10:13] = 1, 2  # the smaller part: 8 of 2 * 8 + 2 * 3
    hit = checks.mixed_region(measured(halves), contact=0.35)
    assert value(hit) == pytest.approx(8 / 22, abs=1e-6)
    assert hit is not None
    assert hit.boxes == ((2, 2, 11, 8),)
    assert checks.mixed_region(measured(halves), contact=0.37) is None
    within = empty()
    within[2:12, 2:12], within[5:7, 5:7] = 2, 1
    assert value(checks.mixed_region(measured(within), contact=0.9)) == 1


def test_mixed_region_ignores_unknown_pixels_between_classes() -> None:
    mask = empty()
    mask[2:10, 2:10], mask[2:10, 10], mask[2:10, 11:14] = 1, IGNORED, 2
    assert checks.mixed_region(measured(mask), contact=0) is None
    mask[2, 10] = 1
    assert value(checks.mixed_region(measured(mask), contact=0)) == pytest.approx(1 / 22, abs=1e-6)
