"""Planted annotation defects of hasty annotators, as pure functions of a true mask.

Each kind takes ``(mask, objects, rng)`` and returns the corrupted mask and the parameters that were drawn:

- ``mask``: shape (H, W), uint8, 0 background, 1 cat, 2 dog; never changed in place.
- ``objects``: shape (H, W), bool, visible things that are no animals (cushions, balls, boxes).
- ``rng``: random generator.

`plant` applies a kind by name; `DEFECTS` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.demo.figure import blob

Region = NDArray[np.bool_]
Planted = tuple[Mask, dict[str, Any]]
Defect = Callable[[Mask, Region, np.random.Generator], Planted]

DEFECTS: dict[str, Defect] = {}
MAX_DRAWS = 50  # of a defect until it changes a pixel
BACKGROUND, CAT, DOG = 0, 1, 2


def plant(kind: str, mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Apply one kind of defect; draw again until it changes at least one pixel.

    Args:
        kind: A key of `DEFECTS`.
        mask: The true mask, shape (H, W), uint8; it must hold an animal.
        objects: Things that are no animals, shape (H, W), bool.
        rng: Random generator.

    Returns:
        The corrupted mask and the drawn parameters with ``kind`` and ``changed_pixels``.

    Raises:
        ValueError: The mask holds no animal, or the defect cannot change this mask.

    >>> mask = np.zeros((32, 32), np.uint8)
    >>> mask[8:24, 8:24] = 1
    >>> corrupted, record = plant('wrong_class', mask, mask > 1, np.random.default_rng(0))
    >>> record
    {'kind': 'wrong_class', 'true_class': 1, 'labelled_as': 2, 'changed_pixels': 256}
    """
    if not mask.any():
        raise ValueError('a defect needs a mask with an animal, found background only')
    for _ in range(MAX_DRAWS):
        corrupted, parameters = DEFECTS[kind](mask, objects, rng)
        changed = int(np.count_nonzero(corrupted != mask))
        if changed:
            return corrupted, {'kind': kind, **parameters, 'changed_pixels': changed}
    raise ValueError(f'{kind} cannot change this mask of {np.count_nonzero(mask)} animal pixels')


def _defect(function: Defect) -> Defect:
    """Register a kind under its function's name."""
    DEFECTS[function.__name__] = function
    return function


def _pick_animal(mask: Mask, rng: np.random.Generator) -> tuple[Region, int]:
    """Draw a connected animal with probability proportional to its area; return its region and class."""
    regions: list[Region] = []
    for value in (CAT, DOG):
        count, labels = cv2.connectedComponents((mask == value).astype(np.uint8), connectivity=8)
        regions += [labels == i for i in range(1, count)]
    areas = np.array([np.count_nonzero(region) for region in regions], dtype=np.float64)
    region = regions[rng.choice(len(regions), p=areas / areas.sum())]
    return region, int(mask[region][0])


def _bounding_box(region: Region) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a region in pixels."""
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    return int(left), int(top), int(width), int(height)


@_defect
def specks(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Add stray clicks: islands of one to nine pixels on the background that touch no animal."""
    del objects
    corrupted = mask.copy()
    wanted = int(rng.integers(3, 9))
    placed = 0
    for _ in range(wanted * 10):
        height, width = (int(v) for v in rng.integers(1, 4, size=2))
        top = int(rng.integers(1, mask.shape[0] - height))
        left = int(rng.integers(1, mask.shape[1] - width))
        if corrupted[top - 1 : top + height + 1, left - 1 : left + width + 1].any():
            continue
        corrupted[top : top + height, left : left + width] = rng.choice(np.unique(mask[mask > 0]))
        placed += 1
        if placed == wanted:
            break
    return corrupted, {'count': placed}


@_defect
def fragments(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Cut an animal into pieces by gaps in two directions."""
    del objects
    region, _ = _pick_animal(mask, rng)
    _, _, width, height = _bounding_box(region)
    pitch = max(5.0, float(np.hypot(width, height)) / rng.uniform(3.5, 5.5))
    gap = max(1.5, pitch * 0.12)
    angle = rng.uniform(0, np.pi)
    y, x = np.indices(mask.shape)
    along = x * np.cos(angle) + y * np.sin(angle) + rng.uniform(0, pitch)
    across = y * np.cos(angle) - x * np.sin(angle) + rng.uniform(0, pitch)
    cut = region & ((along % pitch < gap) | (across % pitch < gap))
    return np.where(cut, np.uint8(BACKGROUND), mask), {'pitch': round(pitch, 2), 'gap': round(gap, 2)}


@_defect
def holes(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Hollow an animal out, as if only a rim had been filled."""
    del objects
    region, _ = _pick_animal(mask, rng)
    share = float(rng.uniform(0.32, 0.6))
    depth = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    threshold = max(1.0, float(np.quantile(depth[region], 1 - share)))
    return np.where(depth > threshold, np.uint8(BACKGROUND), mask), {'share': round(share, 3)}


@_defect
def partial_mask(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Keep only one side of an animal, as if the rest had been forgotten."""
    del objects
    region, _ = _pick_animal(mask, rng)
    kept = float(rng.uniform(0.3, 0.7))
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.indices(mask.shape)
    position = x * np.cos(angle) + y * np.sin(angle)
    limit = np.quantile(position[region], kept)
    return np.where(region & (position > limit), np.uint8(BACKGROUND), mask), {'kept_share': round(kept, 3)}


@_defect
def shifted_mask(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Shift the whole mask by 8 to 25 % of the size of what it covers."""
    del objects
    _, _, width, height = _bounding_box(mask > 0)
    distance = max(3.0, rng.uniform(0.08, 0.25) * max(width, height))
    angle = rng.uniform(0, 2 * np.pi)
    dx, dy = round(distance * np.cos(angle)), round(distance * np.sin(angle))
    matrix = np.array([[1, 0, dx], [0, 1, dy]], dtype=np.float32)
    corrupted = cv2.warpAffine(mask, matrix, mask.shape[::-1], flags=cv2.INTER_NEAREST).astype(np.uint8)
    return corrupted, {'dx': dx, 'dy': dy}


@_defect
def oversized_polygon(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Replace an animal by a coarse polygon around it with a wide rim of background."""
    del objects
    region, value = _pick_animal(mask, rng)
    ys, xs = np.nonzero(region)
    _, _, width, height = _bounding_box(region)
    margin = max(2.0, float(rng.uniform(0.05, 0.2)) * max(width, height))
    count = int(rng.integers(4, 8))
    angles = (np.arange(count) + rng.uniform(-0.25, 0.25, count)) * 2 * np.pi / count + rng.uniform(0, 2 * np.pi)
    normals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reach = (normals @ np.stack([xs, ys]).astype(np.float64)).max(axis=1) + margin
    following = (np.arange(count) + 1) % count
    sides = np.stack([normals, normals[following]], axis=1)  # each corner lies on two neighbouring sides of the polygon
    corners = np.linalg.solve(sides, np.stack([reach, reach[following]], axis=1)[..., None])[..., 0]
    corrupted = mask.copy()
    cv2.fillPoly(corrupted, [np.round(corners).astype(np.int32)], value)
    return corrupted, {'corners': count, 'margin': round(margin, 2)}


@_defect
def wrong_class(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Give a cat the class dog, or the reverse."""
    del objects
    region, value = _pick_animal(mask, rng)
    called = CAT + DOG - value
    return np.where(region, np.uint8(called), mask), {'true_class': value, 'labelled_as': called}


@_defect
def other_object(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Move the class of an animal to another thing in the image, or to a patch of background if there is none."""
    region, value = _pick_animal(mask, rng)
    free = objects & (mask == BACKGROUND)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(free.astype(np.uint8), connectivity=8)
    large = [i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] >= 20]
    corrupted = np.where(region, np.uint8(BACKGROUND), mask)
    if large:
        corrupted[labels == rng.choice(large)] = value
        return corrupted, {'target': 'object'}
    patch = np.zeros(mask.shape, np.uint8)
    size = np.array(mask.shape[::-1])
    outline = blob(rng, centre=rng.uniform(0.2, 0.8, 2) * size, radius=rng.uniform(0.08, 0.15) * float(size.min()))
    cv2.fillPoly(patch, [np.round(outline).astype(np.int32)], 1)
    corrupted[(patch == 1) & (mask == BACKGROUND)] = value
    return corrupted, {'target': 'ground'}  # the file format's word for background


@_defect
def scrap(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Leave a few pixels of one animal and nothing else, as an abandoned mask."""
    del objects
    region, value = _pick_animal(mask, rng)
    ys, xs = np.nonzero(region)
    pick = int(rng.integers(len(ys)))
    radius = int(rng.integers(1, 4))
    dot = np.zeros(mask.shape, np.uint8)
    cv2.circle(dot, (int(xs[pick]), int(ys[pick])), radius, 1, cv2.FILLED)
    corrupted = np.where((dot == 1) & region, np.uint8(value), np.uint8(BACKGROUND))
    return corrupted, {'radius': radius}


@_defect
def jagged_border(mask: Mask, objects: Region, rng: np.random.Generator) -> Planted:
    """Make the outline a staircase, as of a mask drawn with a square brush on a smaller image."""
    del objects
    step = max(3, round(min(mask.shape) * float(rng.uniform(0.02, 0.045))))
    height, width = mask.shape
    offset_y, offset_x = (int(v) for v in rng.integers(0, step, size=2))
    y = np.clip((np.arange(height) + offset_y) // step * step + step // 2 - offset_y, 0, height - 1)
    x = np.clip((np.arange(width) + offset_x) // step * step + step // 2 - offset_x, 0, width - 1)
    return mask[np.ix_(y, x)], {'step': step}
