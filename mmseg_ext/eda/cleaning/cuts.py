"""The rule on objects that straight cuts part into pieces."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning.geometry import GROUND, Map, around
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.eda.regions import find_regions

ANGLES = np.arange(0, 180, 0.5) * np.pi / 180
BINS = 2  # lines per pixel: a cut of 1.5 px covers one whole line wherever it lies
FULL = 0.9  # share of a line across the object that must be gap for the line to lie in a cut
EDGE = 1.5  # pixels beside such a line that still belong to the cut
MIN_PIECE = 0.01  # of the object; smaller pieces do not count
MIN_GAIN = 0.05  # of the gap; a further direction must explain as much
MAX_DIRECTIONS = 4


def cuts(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Close straight cuts that run from side to side through an object and part it into pieces.

    Gaps up to ``cut_width`` of the object's diagonal are bridged for trial (a morphological closing). The bridge is
    then looked at along lines of every direction: a cut fills whole lines of the object, a blade of grass or the space
    between two legs does not. Only what lies on such lines is filled, and only if they explain ``cut_straight`` of the
    bridge and it joins ``cut_pieces`` pieces.
    """
    joined = mask.copy()
    ground = known & (mask == GROUND)
    for value in np.unique(mask[known & (mask != GROUND)]):
        own = known & (mask == value)
        if len(find_regions(own)) < limits.cut_pieces:
            continue
        y, x = np.nonzero(own)
        width = limits.cut_width * float(np.hypot(np.ptp(x) + 1, np.ptp(y) + 1))
        objects = find_regions((_close(own, width) & ground) | own)
        for index, box in enumerate(objects.boxes):
            near = around(box, 1, mask.shape)
            body = objects.labels[near] == index + 1
            pieces = find_regions(body & own[near])
            if np.count_nonzero(pieces.areas >= MIN_PIECE * pieces.areas.sum()) >= limits.cut_pieces:
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
    """The pixels of a bridge that lie in straight cuts through the body, if they are a share of it, else none."""
    y, x = np.nonzero(body)
    gap = bridge[y, x]
    explained = np.zeros(len(x), bool)
    floor = MIN_GAIN * np.count_nonzero(gap)
    angles = ANGLES
    for _ in range(MAX_DIRECTIONS):
        gains = np.array([np.count_nonzero(_on_cuts(x, y, gap, angle) & ~explained) for angle in angles])
        if not len(gains) or gains.max() <= floor:
            break
        explained |= _on_cuts(x, y, gap, angles[gains.argmax()])
        angles = angles[gains > floor]  # what a direction can add only shrinks
    straight = np.zeros(body.shape, bool)
    if np.count_nonzero(explained) >= share * np.count_nonzero(gap):
        straight[y[explained], x[explained]] = True
    return straight


def _on_cuts(x: NDArray[np.int64], y: NDArray[np.int64], gap: Map, angle: float) -> Map:
    """Which gap pixels lie in cuts whose normal has this angle; all arrays have shape (N,)."""
    line = np.floor((x * np.cos(angle) + y * np.sin(angle)) * BINS).astype(np.int64)
    line -= line.min()
    total = np.bincount(line)
    missing = np.bincount(line[gap], minlength=len(total))
    full = (missing >= FULL * total) & (total > 0)
    near = np.convolve(full, np.ones(2 * round(EDGE * BINS) + 1))[round(EDGE * BINS) : len(full) + round(EDGE * BINS)]
    return gap & (near[line] > 0)
