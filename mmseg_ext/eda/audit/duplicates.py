"""Images that show the same photograph: exact and near duplicates, across splits too, and whether their masks agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Item, Mask, read_image, read_mask
from mmseg_ext.eda.audit.findings import Box, Finding, Hit, make_hit
from mmseg_ext.eda.audit.image_hash import HASH_BYTES, find_near_pairs, grey_thumbnail, hash_image
from mmseg_ext.eda.audit.item_checks import Task, make_findings, quiet_decoders
from mmseg_ext.eda.audit.rules import RULES
from mmseg_ext.errors import InputError

MIN_GREY_DEVIATION = 1.0  # grey levels, below which an image has no pattern to compare
MAX_CORRELATION = 0.9999  # 1 is kept for equal pixels


def find_duplicates(task: Task, items: Sequence[Item], hashes: Sequence[bytes | None]) -> list[Finding]:
    """Report every image that shows the photograph of an earlier one.

    Images with similar hashes are candidates; only those whose pixels agree are reported, each with the first file of
    its photograph.

    Args:
        task: The data set, and the rules.
        items: All items of the audit in order.
        hashes: One hash for each item, None where there is no readable image.
    """
    known = [index for index, value in enumerate(hashes) if value is not None]
    paths = [_image_path(items[index]) for index in known]
    table = [value for value in hashes if value is not None]
    findings: list[Finding] = []
    with quiet_decoders():
        for first, others in group_duplicates(paths, table, **task.rules['duplicate_image'].thresholds):
            for other in others:
                findings += _compare(task, items[known[first]], items[known[other]])
    return findings


def group_near_duplicates(images: Mapping[str, Path]) -> dict[str, str]:
    """Group the images that show one photograph, by the audit's rule for ``duplicate_image``.

    Args:
        images: Stem → file.

    Returns:
        Stem → the first stem of its group, for the files that are in one.

    Raises:
        InputError: An image cannot be read.
    """
    stems, paths = list(images), list(images.values())
    hashes = [hash_image(read_image(path)) for path in paths]
    groups = group_duplicates(paths, hashes, **RULES['duplicate_image'].thresholds)
    return {stems[index]: stems[first] for first, others in groups for index in (first, *others)}


def group_duplicates(
    paths: Sequence[Path], hashes: Sequence[bytes], distance: float, correlation: float
) -> Iterable[tuple[int, list[int]]]:
    """Group the images that show the photograph of an earlier one, as (index of the first, indices of the others).

    Args:
        paths: Image files.
        hashes: The `hash_image` of each.
        distance: Largest number of bits in which the hashes of candidates differ.
        correlation: Smallest `similarity` of two images of one photograph.

    Raises:
        InputError: A candidate cannot be read.
    """
    table = np.frombuffer(b''.join(hashes), np.uint8).reshape(-1, HASH_BYTES)
    groups = _DisjointSets()
    different: set[tuple[int, int]] = set()
    for pair in find_near_pairs(table, distance):
        if pair in different or groups.same(*pair):
            continue
        if similarity(*(paths[index] for index in pair)) >= correlation:
            groups.join(*pair)
        else:
            different.add(pair)
    return groups.groups()


class _DisjointSets:
    """Disjoint sets of indices, each known by its lowest."""

    def __init__(self) -> None:
        self._lower: dict[int, int] = {}

    def first(self, index: int) -> int:
        while (lower := self._lower.get(index, index)) != index:
            self._lower[index] = self._lower.get(lower, lower)
            index = lower
        return index

    def same(self, a: int, b: int) -> bool:
        return self.first(a) == self.first(b)

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.first(a), self.first(b)))
        self._lower[high] = low
        self._lower.setdefault(a, low)
        self._lower.setdefault(b, low)

    def groups(self) -> Iterable[tuple[int, list[int]]]:
        found: dict[int, list[int]] = {}
        for index in sorted(self._lower):
            if (first := self.first(index)) != index:
                found.setdefault(first, []).append(index)
        return sorted(found.items())


def similarity(a: Path, b: Path) -> float:
    """Compare two image files: 1 for equal pixels, else the correlation of small grey copies.

    Images without a pattern, which correlate with everything or nothing, count as the same only if they are equal.

    Raises:
        InputError: An image cannot be read.
    """
    first, second = _read_image(a), _read_image(b)
    if first.shape == second.shape and np.array_equal(first, second):
        return 1.0
    grey, other_grey = (grey_thumbnail(image).astype(np.float64) for image in (first, second))
    if min(grey.std(), other_grey.std()) < MIN_GREY_DEVIATION:
        return 0.0
    product = ((grey - grey.mean()) * (other_grey - other_grey.mean())).mean()
    return min(float(product / (grey.std() * other_grey.std())), MAX_CORRELATION)


@lru_cache(maxsize=2)
def _read_image(path: Path) -> NDArray[np.uint8]:
    return read_image(path)


def _image_path(item: Item) -> Path:
    assert item.image is not None
    return item.image


def _compare(task: Task, first: Item, other: Item) -> list[Finding]:
    """Make the findings of one file, compared with the first file of the same photograph."""
    value = similarity(_image_path(first), _image_path(other))
    name = '/'.join(first.key)
    kind = 'the same pixels as' if value == 1 else 'nearly the same photograph as'
    iou, disagreement = _mask_agreement(task, first, other)
    conflict = iou is not None and iou < task.rules['conflicting_masks'].thresholds['iou']
    masks = '' if iou is None else f'; the masks {"conflict" if conflict else "agree"} (IoU {iou:.2f})'
    hits: list[tuple[str, Hit]] = []
    if first.split.name == other.split.name:
        hits.append(('duplicate_image', make_hit(value, f'{kind} {name}{masks}')))
    else:
        hits.append(('split_leak', make_hit(value, f'{kind} {name}, in another split{masks}')))
    if conflict:
        message = f'one photograph, two masks: IoU {iou:.2f} with {name}'
        hits.append(('conflicting_masks', make_hit(iou, message, disagreement)))
    return make_findings(task.rules, other.key, hits)


def _mask_agreement(task: Task, first: Item, other: Item) -> tuple[float | None, list[Box]]:
    """Return the `mask_iou` of two items and the box of their disagreement; None without two readable masks."""
    masks: list[Mask] = []
    for item in (first, other):
        if item.mask is None:
            return None, []
        try:
            masks.append(read_mask(item.mask))
        except InputError:
            return None, []
    a, b = masks
    if a.shape != b.shape:
        a = cv2.resize(a, b.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    iou = mask_iou(a, b, len(task.classes.names), task.classes.background)
    return iou, [cv2.boundingRect((a != b).astype(np.uint8))]


def mask_iou(a: Mask, b: Mask, classes: int, background: int | None = 0) -> float:
    """Share of the pixels with a foreground class in either mask that have the same class in both; 1 without any.

    Unlike in `mmseg_ext.eda.agreement.object_iou`, classes are told apart.
    Pixels that are ignored in either mask are left out. Where no class is background, all are foreground.

    >>> mask_iou(np.array([[0, 1, 1, 2]], np.uint8), np.array([[0, 1, 2, 2]], np.uint8), classes=3)
    0.6666666666666666
    """
    known = (a < classes) & (b < classes)
    objects = known if background is None else ((a != background) | (b != background)) & known
    union = int(np.count_nonzero(objects))
    return int(np.count_nonzero((a == b) & objects)) / union if union else 1.0
