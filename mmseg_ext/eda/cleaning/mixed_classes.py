"""Rules for several classes in one connected object: slivers and mixed regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Mask
from mmseg_ext.eda.cleaning.geometry import BACKGROUND, Map, around, contacts, depth
from mmseg_ext.eda.cleaning.small_regions import is_smooth
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.eda.regions import find_regions

MIN_SLIVER_ASPECT = 5  # length of a strip over the width of the widest sliver


def slivers(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Give a thin strip of one class along another to that other class.

    A strip is at most ``sliver_width`` pixels wide everywhere and at least five times as long, ``sliver_contact`` of
    its border lies along one other class, and the outline of the foreground is smooth.
    """
    merged = mask.copy()
    for part in _inner_regions(mask, known):
        long = np.hypot(*part.box[2:]) >= MIN_SLIVER_ASPECT * limits.sliver_width
        thin = depth(part.region).max() <= np.ceil(limits.sliver_width / 2)
        if long and thin and part.contact >= limits.sliver_contact:
            merged[part.where][part.region] = part.other
    return _if_smooth(merged, mask, known, limits)


def mixed(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Give a small region inside an object of another class to the class that most of the object has.

    The region takes less than ``mixed_share`` of the connected object, ``mixed_contact`` of its border lies along that
    class, and the outline is smooth.
    """
    merged = mask.copy()
    for part in _inner_regions(mask, known):
        surrounded = part.contact >= limits.mixed_contact and part.other == part.counts.argmax()
        if surrounded and np.count_nonzero(part.region) < limits.mixed_share * part.counts.sum():
            merged[part.where][part.region] = part.other
    return _if_smooth(merged, mask, known, limits)


def _if_smooth(merged: Mask, mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Return the merged mask where the outline of the foreground is smooth, else the mask as it was."""
    changed = (merged != mask).any()
    return merged if changed and is_smooth(known & (mask != BACKGROUND), known, limits, limits.fine_detail) else mask


class _Part(NamedTuple):
    """A region of one class inside a connected object of several.

    Attributes:
        counts: Pixels of each class in the object, shape (256,).
        box: Bounding box of the region: left, top, width, height in pixels.
        where: The part of the image around the region.
        region: The region there, bool.
        other: The other class that it borders most.
        contact: Share (0–1) of its border that lies along that class.
    """

    counts: NDArray[np.int64]
    box: NDArray[np.int32]
    where: tuple[slice, slice]
    region: Map
    other: int
    contact: float


def _inner_regions(mask: Mask, known: Map) -> Iterator[_Part]:
    """Yield the regions of one class inside connected objects of several."""
    objects = find_regions(known & (mask != BACKGROUND))
    pairs = objects.labels.astype(np.int64) * 256 + mask
    counts = np.bincount(pairs.ravel(), minlength=256 * (len(objects) + 1)).reshape(-1, 256)
    several = np.count_nonzero(counts, axis=1) > 1
    several[0] = False
    classes = np.where(known, mask, np.uint8(BACKGROUND))
    for value in np.unique(classes[several[objects.labels]]):
        regions = find_regions(classes * several[objects.labels] == value)
        for index, box in enumerate(regions.boxes):
            where = around(box, 1, mask.shape)
            region = regions.labels[where] == index + 1
            border = contacts(region, classes[where])
            others = border.copy()
            others[[BACKGROUND, value]] = 0
            if others.any():
                number = objects.labels[where][region][0]
                contact = float(others.max() / border.sum())
                yield _Part(counts[number], box, where, region, int(others.argmax()), contact)
