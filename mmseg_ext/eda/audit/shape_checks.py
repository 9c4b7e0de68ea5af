"""Checks of the shape of a mask's borders.

Each takes a `MeasuredMask` and its thresholds, and returns a `Hit` or None.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmseg_ext.eda.audit.findings import Box, Hit, make_hit
from mmseg_ext.eda.audit.measured_mask import MeasuredMask, Region


def border_gap(
    mask: MeasuredMask, *, depth: float, run: float, far_depth: float, far_run: float, share: float
) -> Hit | None:
    """Report a region that stops short of the image's border along a straight line.

    The outermost row or column of a region lies at most ``depth`` px from the border and is at least ``run`` px long
    (a brush that did not reach the edge); or the region covers ``share`` of the image, the line lies within
    ``far_depth`` of the image's side and is longer than ``far_run`` times the root of the region's area (a mask moved
    away from the edge that cut it off). The value is the length of the longest such line in pixels.
    """
    best: tuple[int, int, str, Box] | None = None
    for region in mask.regions:
        large = region.area >= share * mask.values.size
        if not large and region.area < run:
            continue
        far_length = far_run * region.area**0.5
        for side, gap, axis, place in _gaps(region.box, *mask.size):
            near = 0 < gap <= depth
            far = large and 0 < gap <= far_depth * mask.size[axis]
            if not near and not far:
                continue
            length = _length_on_line(mask, region, axis, place)
            if ((near and length >= run) or (far and length > far_length)) and (best is None or length > best[0]):
                best = (length, gap, side, _gap_box(axis, place, gap, region.box, side))
    if best is None:
        return None
    length, gap, side, box = best
    return make_hit(length, f'an object stops {gap} px short of the {side} border along {length} px', [box])


def _gaps(box: Box, width: int, height: int) -> tuple[tuple[str, int, int, int], ...]:
    """Return, for each side of the image, its name, the pixels between it and a box, and the box's outermost line.

    The line is a column (axis 0) or a row (axis 1).
    """
    left, top, w, h = box
    return (
        ('left', left, 0, left),
        ('top', top, 1, top),
        ('right', width - left - w, 0, left + w - 1),
        ('bottom', height - top - h, 1, top + h - 1),
    )


def _length_on_line(mask: MeasuredMask, region: Region, axis: int, place: int) -> int:
    """Count the pixels of a region in an outermost column (axis 0) or row (axis 1) of its box."""
    if len(mask.regions) == 1:
        return int(np.count_nonzero(mask.foreground[:, place] if axis == 0 else mask.foreground[place]))
    points = region.outline[:, 0]
    return len(np.unique(points[points[:, axis] == place, 1 - axis]))


def _gap_box(axis: int, place: int, gap: int, box: Box, side: str) -> Box:
    """Return the strip between a region and the border of the image."""
    start = place - gap if side in ('left', 'top') else place + 1
    left, top, width, height = box
    return (start, top, gap, height) if axis == 0 else (left, start, width, gap)


def staircase(mask: MeasuredMask, *, step: float, side: float) -> Hit | None:
    """Report a border drawn in large square steps.

    A border that follows an object crosses nearly every row and column of the object's bounding box between two
    pixels; one drawn on a shrunken image crosses every n-th. The value is n, the mean distance in pixels between the
    rows or columns that the border crosses, whichever is less; ``step`` or more is reported. The largest region counts,
    and only if it is at least ``side`` px wide and high.
    """
    if not mask.regions:
        return None
    left, top, width, height = max(mask.regions, key=lambda region: region.area).box
    if min(width, height) < side:
        return None
    crop = mask.foreground[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    steps = []
    for extent, axis, here, there in ((width, 0, np.s_[:, 1:], np.s_[:, :-1]), (height, 1, np.s_[1:], np.s_[:-1])):
        crossed = int(np.count_nonzero(cv2.absdiff(crop[here], crop[there]).any(axis))) if min(crop.shape) > 1 else 0
        if not crossed or extent / crossed < step:
            return None
        steps.append(extent / crossed)
    value = min(steps)
    return make_hit(value, f'the border runs in steps of about {value:.1f} px', [(left, top, width, height)])


def coarse_polygon(mask: MeasuredMask, *, corners: float, solidity: float, share: float) -> Hit | None:
    """Report a few quick clicks around an object: a large convex region with few corners.

    Reported are regions of at least ``share`` of the image that a polygon of at most ``corners`` corners matches and
    that fill at least ``solidity`` of their convex hull; the value is the least number of corners.
    """
    found = []
    for region in mask.large_regions(share) if mask.counts[0] else []:  # a full mask has a check of its own
        if len(region.polygon) > corners:
            continue
        hull = cv2.contourArea(cv2.convexHull(region.outline))
        if hull and cv2.contourArea(region.outline) >= solidity * hull:
            found.append((len(region.polygon), region.box))
    if not found:
        return None
    fewest = min(count for count, _ in found)
    return make_hit(fewest, f'a convex polygon with {fewest} corners', [box for _, box in found])


def straight_edge(mask: MeasuredMask, *, length: float, share: float) -> Hit | None:
    """Report a long straight cut through an object, away from the image's border.

    Reported are regions of at least ``share`` of the image with a straight side longer than ``length`` times the root
    of their area; the value is the largest such ratio.
    """
    best, boxes = 0.0, []
    for region in mask.large_regions(share):
        root = region.area**0.5
        found = _longest_side(region.polygon, length * root, *mask.size)
        if found is not None:
            best = max(best, found[0] / root)
            boxes.append(found[1])
    return make_hit(best, f'a straight side {best:.2f} times the square root of the area', boxes) if boxes else None


def _longest_side(polygon: list[list[int]], above: float, width: int, height: int) -> tuple[float, Box] | None:
    """Find the longest side above a length that does not run along the image's border: its length and box."""
    longest, found = above * above, None
    x, y = polygon[-1]
    for next_x, next_y in polygon:
        square = (next_x - x) ** 2 + (next_y - y) ** 2
        if square > longest and 0 < x + next_x < 2 * (width - 1) and 0 < y + next_y < 2 * (height - 1):
            longest, found = square, (min(x, next_x), min(y, next_y), abs(next_x - x) + 1, abs(next_y - y) + 1)
        x, y = next_x, next_y
    return None if found is None else (longest**0.5, found)
