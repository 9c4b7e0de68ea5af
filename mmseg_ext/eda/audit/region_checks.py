"""Checks of a mask's values and regions.

Each takes a `MeasuredMask` and its thresholds, and returns a `Hit` or None.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.audit.findings import Box, Hit, counted, make_hit
from mmseg_ext.eda.audit.measured_mask import MeasuredMask, Region


def invalid_class(mask: MeasuredMask) -> Hit | None:
    """Report ids that are neither a class nor ignored; the value is the number of their pixels."""
    if not mask.unknown:
        return None
    ids = [i for i, count in enumerate(mask.counts) if count and i >= mask.classes and i != mask.ignore_index]
    if not ids:
        return None
    box = cv2.boundingRect(np.isin(mask.values, ids).astype(np.uint8))
    pixels = sum(mask.counts[i] for i in ids)
    named = ', '.join(map(str, ids))
    hint = '; is this a mask of 0 and 255?' if ids == [255] else ''
    message = f'{counted(pixels, "pixel")} of class {named}; the classes are 0 to {mask.classes - 1}{hint}'
    return make_hit(pixels, message, [box])


def ignored_everywhere(mask: MeasuredMask) -> Hit | None:
    """Report a mask of which every pixel is ignored."""
    if mask.counts[mask.ignore_index] < mask.values.size:
        return None
    return make_hit(None, f'every pixel is ignored ({mask.ignore_index}): nothing can be learnt from the image')


def empty_mask(mask: MeasuredMask) -> Hit | None:
    """Report a mask without foreground; one that is ignored everywhere has a check of its own."""
    ignored = mask.counts[mask.ignore_index]
    if mask.area or ignored == mask.values.size or mask.background is None:
        return None
    return make_hit(None, f'the mask holds no object{f", only {ignored} ignored pixels" if ignored else ""}')


def full_mask(mask: MeasuredMask) -> Hit | None:
    """Report a mask without background."""
    if not mask.area or mask.counts[0] or mask.background is None:
        return None
    return make_hit(None, 'the mask holds no background')


def tiny_object(mask: MeasuredMask, *, share: float) -> Hit | None:
    """Report classes that cover less than ``share`` of the image each; the value is the smallest share."""
    ids = [i for i, count in mask.areas.items() if count < share * mask.values.size]
    if not ids:
        return None
    least = min(mask.areas[i] for i in ids)
    named = ' and '.join(map(str, ids))
    boxes = [cv2.boundingRect((mask.values == i).astype(np.uint8)) for i in ids]
    value = least / mask.values.size
    return make_hit(value, f'class {named} covers only {counted(least, "pixel")} ({value:.3%} of the image)', boxes)


def fragments(mask: MeasuredMask, *, most: float) -> Hit | None:
    """Report more than ``most`` regions of foreground; the value is their number."""
    regions = mask.regions
    if len(regions) <= most:
        return None
    return make_hit(len(regions), f'{len(regions)} regions', [region.box for region in regions])


def noise(mask: MeasuredMask, *, below: float) -> Hit | None:
    """Report regions of fewer than ``below`` pixels; the value is their number."""
    boxes = [region.box for region in mask.regions if region.area < below]
    return make_hit(len(boxes), f'{counted(len(boxes), "region")} below {below:g} px', boxes) if boxes else None


def elongated(mask: MeasuredMask, *, aspect: float) -> Hit | None:
    """Report regions whose box is more than ``aspect`` times as long as wide; the value is the largest ratio."""
    found = [(ratio, region.box) for region in mask.regions if (ratio := _aspect(region.box)) > aspect]
    if not found:
        return None
    worst = max(ratio for ratio, _ in found)
    return make_hit(worst, f'a region is {worst:.2f} times as long as it is wide', [box for _, box in found])


def _aspect(box: Box) -> float:
    return max(box[2:]) / min(box[2:])


def holes(mask: MeasuredMask, *, share: float) -> Hit | None:
    """Report regions whose holes take more than ``share`` of the enclosed area; the value is the largest share."""
    found = [(hollow, region) for region in mask.regions if (hollow := _hollow_share(region)) > share]
    if not found:
        return None
    worst = max(hollow for hollow, _ in found)
    boxes = [hole.box for _, region in found for hole in region.holes]
    return make_hit(worst, f'holes make up {worst:.0%} of an object', boxes)


def _hollow_share(region: Region) -> float:
    hollow = sum(hole.area for hole in region.holes)
    return hollow / (hollow + region.area)


def pinholes(mask: MeasuredMask, *, below: float) -> Hit | None:
    """Report holes of fewer than ``below`` pixels; the value is their number."""
    boxes = [hole.box for region in mask.regions for hole in region.holes if hole.area < below]
    return make_hit(len(boxes), f'{counted(len(boxes), "hole")} below {below:g} px', boxes) if boxes else None


def mixed_region(mask: MeasuredMask, *, contact: float) -> Hit | None:
    """Report an object in two classes: inside a region, a class meets other classes along much of its border.

    Two objects that touch share a short piece of their borders, two halves of one object a long one. The value is the
    largest share of a part's border (the region's largest class aside) that runs along another foreground class;
    more than ``contact`` is reported.
    """
    if len(mask.areas) < 2:
        return None
    left, top, width, height = mask.box
    values = mask.values[top : top + height, left : left + width]
    if mask.unknown:  # counts as background along a border
        values = np.where(values < mask.classes, values, 0).astype(np.uint8)
    if not _classes_touch(values):
        return None
    values = cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    count, labels = cv2.connectedComponents(values, connectivity=8)
    shares = _contact_shares(values, labels, count, mask.classes)
    shares[0] = 0  # the background
    if shares.max() <= contact:
        return None
    parts = labels * mask.classes + values
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
    """Whether two foreground classes are side by side: a quick test before the slow one."""
    for here, there in ((mask[:, 1:], mask[:, :-1]), (mask[1:], mask[:-1])):
        if here.size and np.any(cv2.min(cv2.min(here, there), cv2.absdiff(here, there))):
            return True
    return False


def _contact_shares(
    mask: NDArray[np.uint8], labels: NDArray[np.int32], regions: int, classes: int
) -> NDArray[np.float64]:
    """Measure, for each region's pixels of one class, the share of their border along another foreground class.

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
