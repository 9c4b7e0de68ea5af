from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from types import ModuleType

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ext.eda.regions import find_regions
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.boundary import distance_to
from mmseg_ext.evaluation.errors.causes import CauseSettings, thin_parts
from mmseg_ext.evaluation.errors.features import FEATURES, measure_image, nearest


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A dark square with a tail on bright background; mask and luma."""
    mask = np.zeros((100, 100), np.uint8)
    mask[20:60, 20:60] = 1
    mask[38:41, 60:80] = 1
    return mask, np.where(mask > 0, 40, 200).astype(np.uint8)


def test_values_by_hand() -> None:
    mask, luma = scene()
    (sample,) = measure_image(mask, mask, luma, 2, settings=CauseSettings(band=2, radius=3))
    values = sample.values
    assert set(values) == {feature.name for feature in FEATURES}
    area = 1600 + 60
    assert values['size'] == pytest.approx(100 * area / 10_000)
    assert (values['brightness'], values['contrast'], values['difference']) == (40, -160, 160)
    assert values['texture'] == 0  # the object's own border is no texture of the background
    reach_of_disc = 3  # at most a few pixels of the tail
    assert values['thinness'] == pytest.approx(100 * 60 / area, abs=100 * 3 * reach_of_disc / area)
    outline = 4 * 39 + 2 * 20
    assert values['compactness'] == pytest.approx(4 * math.pi * (39 * 39 + 20 * 2) / outline**2, rel=0.02)
    assert values['sharpness'] == pytest.approx(math.log10(cv2.Laplacian(luma, cv2.CV_64F).var()), abs=1e-3)
    assert (sample.objects, sample.row.class_index, sample.row.at_border) == (1, 1, False)


def test_texture_is_the_gradient_of_the_ring() -> None:
    mask, luma = scene()
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))  # one grey level per pixel
    (sample,) = measure_image(mask, mask, np.where(mask > 0, luma, ramp).astype(np.uint8), 2)
    assert sample.values['texture'] == pytest.approx(1)
    assert np.isnan(measure_image(np.ones_like(mask), np.ones_like(mask), luma, 2)[0].values['texture'])


def test_a_disc_is_compact_and_stout() -> None:
    mask = np.zeros((120, 120), np.uint8)
    cv2.circle(mask, (60, 60), 30, 1, -1)
    (sample,) = measure_image(mask, mask, mask, 2)
    assert sample.values['compactness'] > 0.85
    assert sample.values['thinness'] == 0


def test_nothing_and_tiny_regions_are_no_objects() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[3, 3] = 1
    assert measure_image(mask, mask, mask, 2) == []


def test_the_zone_of_an_object_is_what_is_nearest_to_it() -> None:
    truth, prediction = np.zeros((2, 40, 100), np.uint8)
    truth[10:20, 10:20], truth[10:20, 70:80] = 1, 2
    prediction[30:35, 35:45] = 1  # nearer to the first
    first, second = measure_image(prediction, truth, truth, 3)
    assert first.confusion[0, 1] == 50
    assert second.confusion[0, 1] == 0
    assert (first.confusion[1, 0], second.confusion[2, 0]) == (100, 100)
    assert first.objects == second.objects == 2


@settings(max_examples=25)
@given(st.integers(2, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_zones_add_up_to_the_image(scenes: ModuleType, classes: int, seed: int, has_background: bool) -> None:
    rng = np.random.default_rng(seed)
    truth = scenes.blobs(rng, (30, 30), classes)
    truth[0, 0] = 1
    prediction = scenes.disturbed(rng, truth, classes)
    truth[rng.random(truth.shape) < 0.05] = 255
    background = 0 if has_background else None
    samples = measure_image(prediction, truth, truth, classes, background=background)
    if samples:
        expected = confusion_matrix(prediction, truth, classes)
        np.testing.assert_array_equal(sum(sample.confusion for sample in samples), expected)


def test_of_equally_near_regions_the_first_counts() -> None:
    regions = [np.array([[1, 0, 0]], bool), np.array([[0, 0, 1]], bool)]
    assert nearest(regions).tolist() == [[0, 0, 1]]


def features_of_whole_maps(region: np.ndarray, truth: np.ndarray, luma: np.ndarray) -> tuple[float, float, float]:
    """Texture, thinness and compactness by maps of the size of the image."""
    gradient = np.hypot(*(cv2.Sobel(luma, cv2.CV_32F, dx, dy) / 8 for dx, dy in ((1, 0), (0, 1))))
    distance = distance_to(region)
    ring = (distance > 2) & (distance <= max(3, round(0.03 * math.sqrt(truth.size)))) & (truth == 0)
    band, radius = CauseSettings().for_size(truth.shape)
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    perimeter = sum(cv2.arcLength(contour, closed=True) for contour in contours)
    area = sum(cv2.contourArea(contour) for contour in contours)
    return (
        float(gradient[ring].mean()) if ring.any() else math.nan,
        100 * float(thin_parts(region, radius, band).sum()) / float(region.sum()),
        min(1.0, 4 * math.pi * area / perimeter**2) if perimeter else math.nan,
    )


@pytest.mark.parametrize('seed', range(4))
def test_windows_give_exactly_what_whole_maps_give(scenes: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = scenes.blobs(rng, (90, 140), 3)
    truth[rng.random(truth.shape) < 0.02] = 255
    luma = rng.integers(0, 256, truth.shape, dtype=np.uint8)
    samples = measure_image(np.zeros_like(truth), truth, luma, 3)
    assert len(samples) > 2
    kept = []
    for value in (1, 2):
        regions = find_regions(truth == value)
        kept += [regions.labels == index + 1 for index in np.flatnonzero(regions.areas >= 1e-4 * truth.size)]
    for sample, region in zip(samples, kept, strict=True):
        found = tuple(sample.values[name] for name in ('texture', 'thinness', 'compactness'))
        np.testing.assert_array_equal(found, features_of_whole_maps(region, truth, luma))
    zones = np.argmin([distance_to(region) for region in kept], axis=0)
    np.testing.assert_array_equal(nearest(iter(kept)), zones)


def test_regions_are_taken_one_by_one() -> None:
    alive: list[int] = []

    def regions() -> Iterator[np.ndarray]:
        made = []
        for number in range(30):
            region = np.zeros((4, 40), bool)
            region[1, number] = True
            made.append(weakref.ref(region))
            yield region
            del region
            alive.append(sum(one() is not None for one in made))

    nearest(regions())
    assert max(alive) <= 3
