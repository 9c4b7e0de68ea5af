"""Rules for regions and holes that are too small to be intended: pinholes, noise and scraps.

A mask whose largest region is itself tiny stays as it is: it needs a person, not a rule.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from mmseg_ext.data import Mask
from mmseg_ext.eda.cleaning.geometry import BACKGROUND, Map, around, contacts, find_holes, fine_detail, members, touches
from mmseg_ext.eda.cleaning.thresholds import NO_LIMIT, Thresholds
from mmseg_ext.eda.regions import Regions, find_regions

MIN_SIZE_RATIO = 10  # of the largest region to the largest noise


def pinholes(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Fill holes of a few pixels with the class that surrounds them, where the outline is smooth."""
    foreground = known & (mask != BACKGROUND)
    holes = find_holes(foreground, ~known)
    small = np.flatnonzero(holes.areas < limits.pinhole_area)
    if not len(small) or not is_smooth(foreground, known, limits, limits.pinhole_detail):
        return mask
    filled = mask.copy()
    for index in small:
        near = around(holes.boxes[index], 1, mask.shape)
        hole = holes.labels[near] == index + 1
        filled[near][hole] = contacts(hole, mask[near]).argmax()
    return filled


def noise(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Remove regions of a few pixels: all where the outline is smooth, else only several isolated ones."""
    foreground = known & (mask != BACKGROUND)
    regions = find_regions(foreground)
    small = (regions.areas < limits.noise_area) & ~touches(regions, ~known)
    if not small.any() or regions.areas.max() < MIN_SIZE_RATIO * limits.noise_area:
        return mask
    if not is_smooth(foreground, known, limits, limits.fine_detail):
        small = _isolated(regions, small, limits.noise_isolation * min(mask.shape))
        if np.count_nonzero(small) < limits.noise_count:
            return mask
    return np.where(members(regions, small), np.uint8(BACKGROUND), mask)


def scraps(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Remove regions that are tiny compared with the largest one, where the outline is smooth."""
    foreground = known & (mask != BACKGROUND)
    regions = find_regions(foreground)
    if len(regions) < 2 or regions.areas.max() < MIN_SIZE_RATIO * limits.noise_area:
        return mask
    small = (regions.areas < limits.scrap_share * regions.areas.max()) & ~touches(regions, ~known)
    if not small.any() or not is_smooth(foreground, known, limits, limits.fine_detail):
        return mask
    return np.where(members(regions, small), np.uint8(BACKGROUND), mask)


def is_smooth(foreground: Map, known: Map, limits: Thresholds, detail: float) -> bool:
    """Whether an outline has so little fine detail that a tiny region or hole is a mistake."""
    return detail >= NO_LIMIT or fine_detail(foreground, ~known, limits.noise_area, limits.pinhole_area) <= detail


def _isolated(regions: Regions, candidates: Map, distance: float) -> Map:
    """Return which candidates have no other region within a distance in pixels, shape (K,)."""
    isolated = np.zeros(len(regions), bool)
    for index in np.flatnonzero(candidates):
        near = regions.labels[around(regions.boxes[index], math.ceil(distance) + 1, regions.labels.shape)]
        own = near == index + 1
        others = (near != 0) & ~own
        far = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        isolated[index] = not others.any() or far[own].min() > distance
    return isolated
