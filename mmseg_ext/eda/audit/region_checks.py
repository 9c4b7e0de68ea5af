"""Checks on a mask's values and regions. Each takes a `MaskView` and its thresholds, and returns a `Hit` or None."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.audit.hits import Hit, counted, make_hit
from mmseg_ext.eda.audit.outlines import Box, Region
from mmseg_ext.eda.audit.view import MaskView


def invalid_class(view: MaskView) -> Hit | None:
    """Ids that are neither a class nor ignored; the value is the number of their pixels."""
    if not view.unknown:
        return None
    ids = [i for i, count in enumerate(view.counts) if count and i >= view.classes and i != view.ignore_index]
    if not ids:
        return None
    box = cv2.boundingRect(np.isin(view.mask, ids).astype(np.uint8))
    pixels = sum(view.counts[i] for i in ids)
    named = ', '.join(map(str, ids))
    return make_hit(pixels, f'{counted(pixels, "pixel")} of class {named}; known are 0 to {view.classes - 1}', [box])


def empty_mask(view: MaskView) -> Hit | None:
    """No foreground at all."""
    return None if view.area else make_hit(None, 'the mask holds no object')


def full_mask(view: MaskView) -> Hit | None:
    """No background at all."""
    if not view.area or view.counts[0]:
        return None
    return make_hit(None, 'the mask holds no background')


def tiny_object(view: MaskView, *, share: float) -> Hit | None:
    """A class whose pixels together cover less than ``share`` of the image; the value is the smallest share."""
    ids = [i for i, count in view.areas.items() if count < share * view.mask.size]
    if not ids:
        return None
    least = min(view.areas[i] for i in ids)
    named = ' and '.join(map(str, ids))
    boxes = [cv2.boundingRect((view.mask == i).astype(np.uint8)) for i in ids]
    value = least / view.mask.size
    return make_hit(value, f'class {named} covers only {counted(least, "pixel")} ({value:.3%} of the image)', boxes)


def fragments(view: MaskView, *, most: float) -> Hit | None:
    """More than ``most`` regions of foreground; the value is their number."""
    regions = view.regions
    if len(regions) <= most:
        return None
    return make_hit(len(regions), f'{len(regions)} regions', [region.box for region in regions])


def noise(view: MaskView, *, below: float) -> Hit | None:
    """Regions of fewer than ``below`` pixels; the value is their number."""
    boxes = [region.box for region in view.regions if region.area < below]
    return make_hit(len(boxes), f'{counted(len(boxes), "region")} below {below:g} px', boxes) if boxes else None


def elongated(view: MaskView, *, aspect: float) -> Hit | None:
    """Regions whose bounding box is more than ``aspect`` times as long as wide; the value is the largest ratio."""
    found = [(ratio, region.box) for region in view.regions if (ratio := _aspect(region.box)) > aspect]
    if not found:
        return None
    worst = max(ratio for ratio, _ in found)
    return make_hit(worst, f'a region is {worst:.2f} times as long as wide', [box for _, box in found])


def _aspect(box: Box) -> float:
    return max(box[2:]) / min(box[2:])


def holes(view: MaskView, *, share: float) -> Hit | None:
    """Regions hollow to more than ``share`` of what their outer border encloses; the value is the largest share."""
    found = [(hollow, region) for region in view.regions if (hollow := _hollow_share(region)) > share]
    if not found:
        return None
    worst = max(hollow for hollow, _ in found)
    boxes = [hole.box for _, region in found for hole in region.holes]
    return make_hit(worst, f'holes make up {worst:.0%} of an object', boxes)


def _hollow_share(region: Region) -> float:
    hollow = sum(hole.area for hole in region.holes)
    return hollow / (hollow + region.area)


def pinholes(view: MaskView, *, below: float) -> Hit | None:
    """Holes of fewer than ``below`` pixels; the value is their number."""
    boxes = [hole.box for region in view.regions for hole in region.holes if hole.area < below]
    return make_hit(len(boxes), f'{counted(len(boxes), "hole")} below {below:g} px', boxes) if boxes else None


def mixed_region(view: MaskView, *, contact: float) -> Hit | None:
    """One object in two classes: inside a region, a class meets other classes along much of its border.

    Two objects that touch share a short piece of their borders, two halves of one object a long one. The value is the
    largest share of a part's border (the region's largest class aside) that runs along another foreground class;
    more than ``contact`` is reported.
    """
    if len(view.areas) < 2:
        return None
    left, top, width, height = view.box
    mask = view.mask[top : top + height, left : left + width]
    if view.unknown:  # borders a part as background does
        mask = np.where(mask < view.classes, mask, 0).astype(np.uint8)
    if not _classes_touch(mask):
        return None
    mask = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    shares = _contact_shares(mask, labels, count, view.classes)
    shares[0] = 0  # the background
    if shares.max() <= contact:
        return None
    parts = labels * view.classes + mask
    areas = np.bincount(parts.reshape(-1), minlength=shares.size).reshape(shares.shape)
    shares[np.arange(count), areas.argmax(axis=1)] = 0  # of two parts, the smaller one is wrong
    worst = shares.max()
    if worst <= contact:
        return None
    mixed = [cv2.boundingRect((labels == i).astype(np.uint8)) for i in range(1, count) if shares[i].max() > contact]
    boxes = [(left + x - 1, top + y - 1, width, height) for x, y, width, height in mixed]
    message = f'one region in several classes: a part meets another class along {worst:.0%} of its border'
    return make_hit(worst, message, boxes)


def _classes_touch(mask: NDArray[np.uint8]) -> bool:
    """Whether two foreground classes lie side by side: a quick look before the slow one."""
    for here, there in ((mask[:, 1:], mask[:, :-1]), (mask[1:], mask[:-1])):
        if here.size and np.any(cv2.min(cv2.min(here, there), cv2.absdiff(here, there))):
            return True
    return False


def _contact_shares(
    mask: NDArray[np.uint8], labels: NDArray[np.int32], regions: int, classes: int
) -> NDArray[np.float64]:
    """Of each region's pixels of one class: the share of their border that runs along another foreground class.

    Args:
        mask: Shape (H, W), framed by background.
        labels: Same shape: the number of the region, 0 outside.
        regions: Number of regions, the outside included.
        classes: Number of classes.

    Returns:
        Shape (regions, classes).
    """
    values, numbers = mask.reshape(-1), labels.reshape(-1)
    border, touching = np.zeros(regions * classes), np.zeros(regions * classes)
    for step in (1, mask.shape[1]):
        here = np.flatnonzero(values[step:] != values[:-step])
        for inner, outer in ((here, here + step), (here + step, here)):
            part = numbers[inner] * classes + values[inner]
            border += np.bincount(part, minlength=len(border))
            touching += np.bincount(part[values[outer] > 0], minlength=len(border))
    return (touching / np.maximum(border, 1)).reshape(regions, classes)
