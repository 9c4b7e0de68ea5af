"""Profile of a data set: what a training is planned from. Counts, sizes, classes, objects, label sets, orientation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import DataSet, pair_files, read_mask
from mmseg_ext.data.classes import FILE_NAME, IGNORE_INDEX
from mmseg_ext.data.dataset import LAYOUT, USUAL_SPLITS
from mmseg_ext.data.defects import true_labels
from mmseg_ext.eda.diff import diff_labels
from mmseg_ext.eda.statistics import Statistics, collect_statistics
from mmseg_ext.errors import InputError

ORIGINAL = 'labels'  # the label set that masks are corrected from, by the project's convention
MAX_MEASURED = 2000  # images whose pixels and objects are measured
MIN_IMAGES_FOR_PLACE = 10  # that show a class, before its place is taken for more than chance
ONE_SIDE_SHARE = 0.95  # of a class's objects in one half of the image
MIN_OFFSET = 0.1  # of their mean from the middle, as a share of the image's width
MIRROR_CORRELATION = 0.5  # of the mirrored map of one class with the map of the other
MIRROR_MARGIN = 0.3  # by which that is above the correlation of the class's map with its own mirror image


@dataclass(frozen=True)
class ClassProfile:
    """A class in the train masks.

    Attributes:
        name: Its name.
        pixel_share: Share of the labelled pixels, 0–1.
        image_share: Share of the images that show it, 0–1.
        images: Number of measured images that show it.
        side: Median side of its objects in pixels, the square root of their area; None without objects.
    """

    name: str
    pixel_share: float
    image_share: float
    images: int
    side: float | None


@dataclass(frozen=True)
class DataProfile:
    """A data set, as far as a training depends on it. Sizes and objects are those of the train split.

    Attributes:
        root: Its folder.
        images: Split → number of images.
        masked: Label set → its splits with masks.
        labels: The label set to train on.
        val_labels: The label set to validate on; ``labels`` where there is no val split.
        test_labels: The label set to test on.
        changed: Masks of train that differ from the original ones (``labels``); None where these are meant, or missing.
        measured: Number of images that were measured.
        width: Median width of the images, pixels.
        height: Median height.
        sizes: Number of different sizes.
        aspects: Number of images that are wider than high, and higher than wide.
        classes: The classes, in their order.
        background: Index of the class without objects, or None.
        side: Side of the objects in pixels: 10th, 50th and 90th percentile; None without objects.
        extent: 90th percentile over images of the extent of the largest object, as a share of the image, 0–1.
        spread: Third over first quartile of the objects' sides, each as a share of the image's side; at least 1.
        mirrored: Pairs of classes whose places are mirror images of each other.
        one_sided: Classes that lie on one side of the image's middle.
        ignore_index: Value of the pixels that masks ignore.
    """

    root: str
    images: dict[str, int]
    masked: dict[str, tuple[str, ...]]
    labels: str
    val_labels: str
    test_labels: str
    changed: int | None
    measured: int
    width: int
    height: int
    sizes: int
    aspects: tuple[int, int]
    classes: tuple[ClassProfile, ...]
    background: int | None
    side: tuple[float, float, float] | None
    extent: float
    spread: float
    mirrored: tuple[tuple[str, str], ...]
    one_sided: tuple[str, ...]
    ignore_index: int = IGNORE_INDEX

    @property
    def foreground(self) -> list[ClassProfile]:
        """The classes but the background that have pixels."""
        return [row for index, row in enumerate(self.classes) if index != self.background and row.pixel_share]

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as JSON values."""
        return asdict(self)


def profile_data_set(root: str | Path, labels: str | None = None) -> DataProfile:
    """Profile a data set.

    Args:
        root: Its folder.
        labels: The label set to train on; by default the newest one that has all train masks.

    Raises:
        InputError: There is nothing to train on, ``dataset.yaml`` is missing, or a file cannot be used.
    """
    data = DataSet(root)
    images = _count_images(data)
    masked = _masked_splits(data)
    chosen = choose_labels(root, labels)
    _check_classes(data, chosen)
    pair_files(data.split('train', chosen))
    if images.get('val'):
        _check_val(data, masked)
    changed = None
    if chosen != ORIGINAL and 'train' in masked.get(ORIGINAL, ()):
        diff = diff_labels(data.root, ORIGINAL, chosen, splits=['train'])
        changed = sum(file.status != 'same' for file in diff.files)
    statistics = collect_statistics(data.root, chosen, ['train'], most=MAX_MEASURED)
    val_labels = _scored_by('val', chosen, masked) or chosen
    return DataProfile(
        str(data.root.resolve()),
        {name: count for name, count in images.items() if count},
        masked,
        chosen,
        val_labels,
        _scored_by('test', chosen, masked) or val_labels,
        changed,
        ignore_index=data.classes.ignore_index,
        **_measure(statistics),
    )


def _count_images(data: DataSet) -> dict[str, int]:
    """Count the images of each split, and refuse a data set that has none to train on."""
    images = {name: len(data.split(name).images()) for name in data.splits()}
    if not images.get('train'):
        found = ', '.join(name for name, count in images.items() if count)
        raise InputError(
            data.root / 'img' / 'train',
            'holds no image to train on' + (f' (there is {found})' if found else ''),
            'rename the folder of the images to train on to img/train' if found else LAYOUT,
        )
    return images


def _masked_splits(data: DataSet) -> dict[str, tuple[str, ...]]:
    """Find the folders that hold masks of images in the usual splits."""
    found = {}
    for name in data.label_sets():
        splits = [
            split for split in USUAL_SPLITS if set(data.split(split).images()) & set(data.split(split, name).masks())
        ]
        if splits:
            found[name] = tuple(splits)
    return found


def _scored_by(split: str, chosen: str, masked: Mapping[str, Sequence[str]]) -> str | None:
    """Choose the label set that a split is scored by: the original one, so that scores stay comparable."""
    return next((name for name in (ORIGINAL, chosen, *masked) if split in masked.get(name, ())), None)


def _check_val(data: DataSet, masked: Mapping[str, Sequence[str]]) -> None:
    if not any('val' in splits for splits in masked.values()):
        raise InputError(
            data.root / ORIGINAL / 'val',
            'no label set has masks of img/val',
            'add them, or remove the folder img/val',
        )


def choose_labels(root: str | Path, labels: str | None = None) -> str:
    """Choose the label set to train on.

    Args:
        root: The data set.
        labels: The one that is asked for; by default the newest one other than ``labels`` that has a mask for every
            image of train. The true masks of `mmseg-ext demo` are a last resort.

    Raises:
        InputError: There is no such label set, no image of train, or no label set with masks of train.
    """
    data = DataSet(root)
    if labels is not None:
        data.label_set(labels)
        return labels
    _count_images(data)
    truth = true_labels(data.root)
    masked = _masked_splits(data)
    masked = {name: splits for name, splits in masked.items() if name != truth} or masked
    stems = set(data.split('train').images())
    complete = [name for name in masked if stems <= set(data.split('train', name).masks())]
    if not complete:
        best = max(masked, key=lambda name: len(stems & set(data.split('train', name).masks())), default=None)
        if best is None:
            raise InputError(data.root, 'no folder holds masks of img/train', LAYOUT)
        return best  # what it lacks is named by the check of its files
    corrected = [name for name in complete if name != ORIGINAL]
    newest = {
        name: max(path.stat().st_mtime for path in data.split('train', name).masks().values()) for name in complete
    }
    return max(corrected or complete, key=lambda name: (newest[name], name))


def _check_classes(data: DataSet, labels: str) -> None:
    """Refuse a single class, and offer what to write where there is no ``dataset.yaml``."""
    if (data.root / FILE_NAME).exists():
        if len(data.classes.names) < 2:
            only = data.classes.names[0]
            raise InputError(
                data.root / FILE_NAME,
                f'lists only one class, {only}, so there is nothing to segment',
                f'add the background: classes: [background, {only}]',
            )
        return
    paths = list(data.split('train', labels).masks().values())
    values = sorted({int(value) for path in paths[:MAX_MEASURED] for value in np.unique(read_mask(path))})
    top = max((value for value in values if value < 255), default=0)
    held = ', '.join(map(str, values[:12])) + ', …' * (len(values) > 12)
    names = ', '.join(['background', *(f'class{value}' for value in range(1, top + 1))][:8]) + (', …' * (top > 7))
    raise InputError(
        data.root / FILE_NAME,
        f'not found, but it must list the classes (the masks hold {held})',
        f'write it, such as {{classes: [{names}], ignore_index: 255}}',
    )


def _measure(statistics: Statistics) -> dict[str, Any]:
    rows = statistics.images
    pixels = np.array([row.pixels for row in rows], np.int64)
    total = max(1, int(pixels.sum()))
    size_of = {row.stem: math.sqrt(row.width * row.height) for row in rows}
    shares = np.array([math.sqrt(row.area / 100) for row in statistics.objects])
    sides = np.array([share * size_of[row.stem] for share, row in zip(shares, statistics.objects, strict=True)])
    of_class: dict[int, list[float]] = {}
    largest: dict[str, float] = {}
    for row, side in zip(statistics.objects, sides.tolist(), strict=True):
        of_class.setdefault(row.class_index, []).append(side)
        largest[row.stem] = max(largest.get(row.stem, 0.0), row.extent)
    shown = (pixels > 0).sum(axis=0)
    classes = tuple(
        ClassProfile(
            name,
            float(pixels[:, index].sum() / total),
            float(shown[index] / len(rows)),
            int(shown[index]),
            round(float(np.median(of_class[index])), 1) if index in of_class else None,
        )
        for index, name in enumerate(statistics.classes.names)
    )
    low, high = np.percentile(shares, [25, 75]) if len(shares) else (1.0, 1.0)
    return dict(
        measured=len(rows),
        width=round(float(np.median([row.width for row in rows]))),
        height=round(float(np.median([row.height for row in rows]))),
        sizes=len(Counter((row.width, row.height) for row in rows)),
        aspects=(sum(row.width > row.height for row in rows), sum(row.width < row.height for row in rows)),
        classes=classes,
        background=statistics.background,
        side=tuple(round(float(side), 1) for side in np.percentile(sides, [10, 50, 90])) if len(sides) else None,
        extent=round(float(np.percentile(list(largest.values()), 90)), 3) if largest else 1.0,
        spread=round(float(high / low), 2) if low else 1.0,
        mirrored=_mirrored(statistics),
        one_sided=_one_sided(statistics),
    )


def _mirrored(statistics: Statistics) -> tuple[tuple[str, str], ...]:
    """Find pairs of classes of which one lies where the mirror image of the other does: left and right lung."""
    images = Counter(key for key in {(row.class_index, row.stem) for row in statistics.objects})
    counts = Counter(index for index, _ in images)
    chosen = [index for index in statistics.object_classes if counts[index] >= MIN_IMAGES_FOR_PLACE]
    chosen = [index for index in chosen if statistics.positions['train', index].std() > 0]
    if len(chosen) < 2:
        return ()
    maps = np.stack([statistics.positions['train', index] for index in chosen])
    mirrored = _standardized(maps[:, :, ::-1]) @ _standardized(maps).T
    own = np.diag(mirrored)
    names = statistics.classes.names
    return tuple(
        (names[chosen[a]], names[chosen[b]])
        for a in range(len(chosen))
        for b in range(a + 1, len(chosen))
        if mirrored[a, b] >= MIRROR_CORRELATION and mirrored[a, b] - max(own[a], own[b]) >= MIRROR_MARGIN
    )


def _standardized(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return maps (N, H, W) as rows (N, H·W) of mean 0 and length 1, whose products are correlations."""
    rows = maps.reshape(len(maps), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float64)


def _one_sided(statistics: Statistics) -> tuple[str, ...]:
    """Find the classes whose objects lie to one side of the middle, such as the heart."""
    found = []
    for index in statistics.object_classes:
        objects = [row for row in statistics.objects if row.class_index == index]
        if len({row.stem for row in objects}) < MIN_IMAGES_FOR_PLACE:
            continue
        x = np.array([row.x for row in objects])
        right = float((x > 0.5).mean())
        if max(right, 1 - right) >= ONE_SIDE_SHARE and abs(x.mean() - 0.5) >= MIN_OFFSET:
            found.append(statistics.classes.names[index])
    return tuple(found)
