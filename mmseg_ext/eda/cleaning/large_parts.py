"""Rules that restore large parts: staircase outlines, objects cut into pieces, objects with only a rim filled."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Mask
from mmseg_ext.eda.cleaning.geometry import BACKGROUND, Map, around, depth, find_holes, neighbours
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.eda.regions import find_regions

MIN_GRID_LINES = 4.5  # borders on fewer rows or columns lie on some grid by accident: two rectangles have four
MAX_AREA_CHANGE = 0.1  # of a class, from which a rounding takes or adds parts
STAIRCASE_SIGMA = 0.5  # of the squares' side: a wider blur rounds the steps off further, and thin parts away

CUT_ANGLES = np.arange(0, 180, 0.5) * np.pi / 180
LINES_PER_PX = 2  # a cut of 1.5 px covers one whole line wherever it lies
MIN_GAP_SHARE = 0.9  # of a line across the object, from which the line lies in a cut
CUT_EDGE_PX = 1.5  # next to such a line that still belong to the cut
MAX_GAP_SHARE = 0.3  # of the closed object; what is divided by more consists of parts
MIN_PIECE_SHARE = 0.01  # of the object; smaller pieces do not count
MIN_GAIN_SHARE = 0.05  # of the gap that a further direction must explain
MAX_DIRECTIONS = 4


def staircase(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Round the outline of a mask that was drawn in squares of one size, as by enlarging a small mask.

    Each class map is blurred with a Gaussian about as wide as a square, and each pixel goes to the strongest class. A
    blur removes what is one or two squares wide, so a mask stays as it is if a region would vanish, or a class grow or
    shrink by more than `MAX_AREA_CHANGE`.
    """
    step = find_step(mask, known, limits)
    if step is None:
        return mask
    values = np.unique(mask[known])
    maps = [(mask == value).astype(np.float32) for value in values]
    sigma = STAIRCASE_SIGMA * step
    blurred = [cv2.GaussianBlur(class_map, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for class_map in maps]
    rounded = np.where(known, values[np.argmax(blurred, axis=0)], mask)
    return rounded if all(_is_kept(mask == value, rounded == value) for value in values) else mask


def _is_kept(before: Map, after: Map) -> bool:
    """Return whether each region of a class map is still there, and its area about the same."""
    area = np.count_nonzero(before)
    if abs(np.count_nonzero(after) - area) > MAX_AREA_CHANGE * area:
        return False
    regions = find_regions(before)
    return len(np.unique(regions.labels[before & after])) == len(regions)


def find_step(mask: Mask, known: Map, limits: Thresholds) -> int | None:
    """Return the side in pixels of the squares that a mask consists of, or None if it does not consist of squares."""
    profiles = []
    for step, axis in (((0, 1), 0), ((1, 0), 1)):
        border = np.not_equal(*neighbours(mask, step)) & np.logical_and(*neighbours(known, step))
        profiles.append(border.sum(axis=axis))
    if any(_lines(profile) < MIN_GRID_LINES for profile in profiles):
        return None
    for side in range(int(min(mask.shape) / MIN_GRID_LINES), limits.staircase_step - 1, -1):
        if all(_aligned(profile, side) >= limits.staircase_share for profile in profiles):
            return side
    return None


def _lines(profile: NDArray[np.int64]) -> float:
    """Count the lines of equal length that would hold the border as evenly (the participation ratio)."""
    return float(profile.sum() ** 2 / max((profile**2).sum(), 1))


def _aligned(profile: NDArray[np.int64], side: int) -> float:
    """Return the share of a border profile that lies on the best grid of this pitch."""
    padded = np.pad(profile, (0, -len(profile) % side))
    return float(padded.reshape(-1, side).sum(axis=0).max()) / float(profile.sum())


def cuts(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Close straight cuts that run from side to side through an object and divide it into pieces.

    Gaps up to ``cut_width`` of the object's diagonal are bridged tentatively (a morphological closing). The bridge is
    then looked at along lines of every direction: a cut fills whole lines of the object, a blade of grass or the space
    between two legs does not. Only what lies on such lines is filled, and only if they explain ``cut_straight`` of the
    bridge, it joins ``cut_pieces`` pieces, and the gaps take no more than `MAX_GAP_SHARE` of the closed object.
    """
    joined = mask.copy()
    background = known & (mask == BACKGROUND)
    for value in np.unique(mask[known & (mask != BACKGROUND)]):
        own = known & (mask == value)
        if len(find_regions(own)) < limits.cut_pieces:
            continue
        y, x = np.nonzero(own)
        width = limits.cut_width * float(np.hypot(np.ptp(x) + 1, np.ptp(y) + 1))
        objects = find_regions((_close(own, width) & background) | own)
        for index, box in enumerate(objects.boxes):
            near = around(box, 1, mask.shape)
            body = objects.labels[near] == index + 1
            pieces = find_regions(body & own[near])
            if pieces.areas.sum() < (1 - MAX_GAP_SHARE) * np.count_nonzero(body):
                continue
            if np.count_nonzero(pieces.areas >= MIN_PIECE_SHARE * pieces.areas.sum()) >= limits.cut_pieces:
                joined[near][_straight_part(body & ~own[near], body, limits.cut_straight)] = value
    return joined


def _close(binary: Map, width: float) -> Map:
    """Close gaps up to a width in pixels."""
    radius = math.ceil(width / 2)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = np.pad(binary, radius + 1).astype(np.uint8)
    inner = slice(radius + 1, -radius - 1)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[inner, inner] > 0


def _straight_part(bridge: Map, body: Map, share: float) -> Map:
    """Return the pixels of a bridge in straight cuts through the body, if they are a share of it, else none."""
    y, x = np.nonzero(body)
    gap = bridge[y, x]
    explained = np.zeros(len(x), bool)
    floor = MIN_GAIN_SHARE * np.count_nonzero(gap)
    angles = CUT_ANGLES
    for _ in range(MAX_DIRECTIONS):
        gains = np.array([np.count_nonzero(_on_cuts(x, y, gap, angle) & ~explained) for angle in angles])
        if not len(gains) or gains.max() <= floor:
            break
        explained |= _on_cuts(x, y, gap, angles[gains.argmax()])
        angles = angles[gains > floor]  # what a direction can add only decreases
    straight = np.zeros(body.shape, bool)
    if np.count_nonzero(explained) >= share * np.count_nonzero(gap):
        straight[y[explained], x[explained]] = True
    return straight


def _on_cuts(x: NDArray[np.int64], y: NDArray[np.int64], gap: Map, angle: float) -> Map:
    """Return which gap pixels lie in cuts whose normal has this angle; all arrays have shape (N,)."""
    line = np.floor((x * np.cos(angle) + y * np.sin(angle)) * LINES_PER_PX).astype(np.int64)
    line -= line.min()
    total = np.bincount(line)
    missing = np.bincount(line[gap], minlength=len(total))
    full = (missing >= MIN_GAP_SHARE * total) & (total > 0)
    edge = round(CUT_EDGE_PX * LINES_PER_PX)
    near = np.convolve(full, np.ones(2 * edge + 1))[edge : len(full) + edge]
    return gap & (near[line] > 0)


def hollow(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Fill an object of which only a thin rim was drawn.

    Next to a gap between legs the body is as thick as before; a hollow object has a rim that is thin all around. So
    the holes of a region are filled if they take ``hollow_share`` of the filled region and the rim is nowhere thicker
    than ``hollow_depth`` of it. Classes that are rings by nature need this rule left out.
    """
    filled = mask.copy()
    for value in np.unique(mask[known & (mask != BACKGROUND)]):
        rims = find_regions(known & (mask == value))
        room = rims.boxes[:, 2] * rims.boxes[:, 3]  # a filled region takes no more than its box
        for index in np.flatnonzero(room - rims.areas >= limits.hollow_share * room):
            near = around(rims.boxes[index], 1, mask.shape)
            rim = rims.labels[near] == index + 1
            # Only background: another object in a hole stays.
            hole = (find_holes(rim, ~known[near]).labels > 0) & (mask[near] == BACKGROUND)
            taken = np.count_nonzero(hole)
            if taken == 0 or taken < limits.hollow_share * (taken + rims.areas[index]):
                continue
            if depth(rim).max() <= limits.hollow_depth * depth(rim | hole).max():
                filled[near][hole] = value
    return filled
