"""Agreement of two masks of an image about where objects are."""

from __future__ import annotations

from collections.abc import Mapping

from mmseg_ext.data import Mask
from mmseg_ext.data.classes import IGNORE_INDEX
from mmseg_ext.eda.diff import diff_masks

WRONG_IOU, SEVERE_IOU = 0.8, 0.5  # `object_iou` with the corrected mask, below which a mask counts as wrong


def object_iou(first: Mask, second: Mask, background: int | None = 0, ignore_index: int = IGNORE_INDEX) -> float:
    """Compute the IoU (0–1) of "any object" in two masks of one shape (H, W); 1 where both have none.

    Classes are not told apart, and pixels that either mask ignores are left out. Where no class is background, it is
    the share of equal pixels.
    """
    return object_iou_of_pairs(diff_masks(first, second), background, ignore_index)


def object_iou_of_pairs(
    pairs: Mapping[tuple[int, int], int], background: int | None = 0, ignore_index: int = IGNORE_INDEX
) -> float:
    """Compute `object_iou` from the pixels by (value in the first mask, value in the second).

    >>> object_iou_of_pairs({(0, 0): 7, (1, 2): 1, (0, 1): 1, (255, 1): 9})
    0.5
    """
    either = both = 0
    for pair, count in pairs.items():
        if ignore_index in pair or pair == (background, background):
            continue
        either += count
        both += count * (pair[0] == pair[1] if background is None else background not in pair)
    return both / either if either else 1.0
