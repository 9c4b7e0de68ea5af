"""One photograph in two files: exact and near duplicates, across splits too, and whether their masks agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.dataset import Item
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.audit.check_file import Task, make_findings
from mmseg_ext.eda.audit.findings import Finding
from mmseg_ext.eda.audit.hits import Hit, make_hit
from mmseg_ext.eda.audit.near_pairs import near_pairs
from mmseg_ext.eda.audit.photo_hash import HASH_BYTES, grey_thumbnail
from mmseg_ext.eda.audit.quiet import quiet_decoders
from mmseg_ext.errors import InputError

LEAST_CONTRAST = 1.0  # grey levels of deviation below which an image has no pattern to compare


def find_duplicates(task: Task, items: Sequence[Item], hashes: Sequence[bytes | None]) -> list[Finding]:
    """Report every image that shows the photograph of an earlier one.

    Images with similar hashes are candidates; only those whose pixels agree are reported, each with the first
    file of its photograph.

    Args:
        task: Where the files are, and the rules.
        items: All items of the audit in order.
        hashes: A hash an item, None where there is no readable image.
    """
    known = [index for index, value in enumerate(hashes) if value is not None]
    paths = [_image_path(items[index]) for index in known]
    table = [value for value in hashes if value is not None]
    findings: list[Finding] = []
    with quiet_decoders():
        for first, others in group_photographs(paths, table, **task.rules['duplicate_image'].thresholds):
            for other in others:
                findings += _compare(task, items[known[first]], items[known[other]])
    return findings


def group_photographs(
    paths: Sequence[Path], hashes: Sequence[bytes], distance: float, correlation: float
) -> Iterable[tuple[int, list[int]]]:
    """The images that share their photograph with an earlier one, as (index of the first, indices of the others).

    Args:
        paths: Image files.
        hashes: The `photo_hash` of each.
        distance: Most bits in which the hashes of candidates differ.
        correlation: Least `similarity` of two images of one photograph.

    Raises:
        InputError: A candidate cannot be read.
    """
    table = np.frombuffer(b''.join(hashes), np.uint8).reshape(-1, HASH_BYTES)
    photographs = _Groups()
    different: set[tuple[int, int]] = set()
    for pair in near_pairs(table, distance):
        if pair in different or photographs.same(*pair):
            continue
        if similarity(*(paths[index] for index in pair)) >= correlation:
            photographs.join(*pair)
        else:
            different.add(pair)
    return photographs.groups()


class _Groups:
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
    """How much two image files show the same photograph: 1 for equal pixels, else the correlation of small grey copies.

    Images without a pattern, which correlate with everything or nothing, count as the same only if they are equal.
    """
    one, other = _photo(a), _photo(b)
    if one.shape == other.shape and np.array_equal(one, other):
        return 1.0
    grey, other_grey = (grey_thumbnail(image).astype(np.float64) for image in (one, other))
    if min(grey.std(), other_grey.std()) < LEAST_CONTRAST:
        return 0.0
    product = ((grey - grey.mean()) * (other_grey - other_grey.mean())).mean()
    return min(float(product / (grey.std() * other_grey.std())), 0.9999)  # 1 is kept for equal pixels


@lru_cache(maxsize=2)
def _photo(path: Path) -> NDArray[np.uint8]:
    return read_image(path)


def _image_path(item: Item) -> Path:
    assert item.image is not None
    return item.image


def _compare(task: Task, first: Item, other: Item) -> list[Finding]:
    """The findings of one file beside the first file of the same photograph."""
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


def _mask_agreement(task: Task, first: Item, other: Item) -> tuple[float | None, list[tuple[int, int, int, int]]]:
    """IoU of two masks over the foreground, pixels of different classes counted as disagreement, and where."""
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
    iou = mask_iou(a, b, len(task.classes.names))
    return iou, [cv2.boundingRect((a != b).astype(np.uint8))]


def mask_iou(a: Mask, b: Mask, classes: int) -> float:
    """Share of the pixels with a foreground class in either mask that have the same class in both; 1 without any.

    Pixels that are ignored in either mask are left out.
    """
    known = (a < classes) & (b < classes)
    union = int(np.count_nonzero(((a > 0) | (b > 0)) & known))
    return int(np.count_nonzero((a == b) & (a > 0) & known)) / union if union else 1.0
