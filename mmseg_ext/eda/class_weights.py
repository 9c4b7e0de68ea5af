"""Class weights for losses, computed from the pixels of each class."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import DataSet, read_mask
from mmseg_ext.data.dataset import MASK_SUFFIX, found_instead
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path, refuse_existing, write_json
from mmseg_ext.progress import track

Absent = Literal['refuse', 'largest', 'zero']


@dataclass(frozen=True)
class ClassPixels:
    """Pixel counts of a split's masks, without the ignored pixels.

    Attributes:
        classes: Class names, K of them.
        pixels: Pixels of each class, shape (K,).
        pixels_of_images: Pixels of all classes in the images that show the class, shape (K,).
        left_out: One line for each mask that cannot be used.
    """

    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    pixels_of_images: NDArray[np.int64]
    left_out: tuple[str, ...] = ()

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of each class in all pixels, shape (K,), 0–1."""
        return np.asarray(self.pixels / self.pixels.sum(), np.float64)


def count_class_pixels(root: str | Path, labels: str = 'labels', split: str = 'train') -> ClassPixels:
    """Count the pixels of each class in the masks of a split.

    Args:
        root: The data set's folder, with ``dataset.yaml``.
        labels: The label set.
        split: The split.

    Raises:
        InputError: The masks are missing, none can be read, or all their pixels are ignored.
    """
    data = DataSet(root)
    classes = data.classes
    pixels = np.zeros(len(classes.names), np.int64)
    pixels_of_images = np.zeros_like(pixels)
    folder = data.label_set(labels).folder / split
    paths = list(data.split(split, labels).masks().values())
    if not paths:
        raise InputError(
            folder, f'holds no masks (*{MASK_SUFFIX}){found_instead(folder)}', 'choose another label set or split'
        )
    left_out = []
    for path in track(paths, 'counting'):
        try:
            mask = read_mask(path)
            classes.check(mask, path)
        except InputError as error:
            left_out.append(str(error))
            continue
        counts = classes.count_pixels(mask)
        pixels += counts
        pixels_of_images += (counts > 0) * counts.sum()
    if len(left_out) == len(paths):
        raise InputError(folder, f'no mask can be used; the first problem: {left_out[0]}')
    if not pixels.any():
        raise InputError(folder, 'all pixels of its masks are ignored', 'choose another split or label set')
    return ClassPixels(classes.names, pixels, pixels_of_images, tuple(left_out))


def median_frequency(counted: ClassPixels, per_image: bool = False) -> list[float]:
    """Compute ``median(f) / f_c`` for the frequencies f of the classes (median frequency balancing).

    Args:
        counted: From `count_class_pixels`.
        per_image: False: a class's frequency is its share of all pixels. True: its share of the pixels of the images
            that show it, as defined by D. Eigen and R. Fergus, Predicting Depth, Surface Normals and Semantic Labels
            with a Common Multi-Scale Convolutional Architecture, ICCV 2015 (arXiv 1411.4734).

    Returns:
        One weight for each class.

    >>> median_frequency(ClassPixels(('background', 'cat', 'dog'), np.array([40, 16, 8]), np.array([64, 64, 64])))
    [0.4, 1.0, 2.0]
    """
    frequency = counted.pixels / (counted.pixels_of_images if per_image else counted.pixels.sum())
    return [float(weight) for weight in np.median(frequency) / frequency]


def balanced(counted: ClassPixels) -> list[float]:
    """Compute ``n / (K · n_c)`` for n pixels, n_c of them of the class: every class has the same sum of weights."""
    return [float(weight) for weight in counted.pixels.sum() / (len(counted.classes) * counted.pixels)]


def enet(counted: ClassPixels) -> list[float]:
    """Compute ``1 / ln(1.02 + p_c)`` for the class's share p_c of the pixels: 1.4 to 50.5.

    A. Paszke et al., ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation, 2016
    (arXiv 1606.02147).
    """
    return [1 / math.log(1.02 + share) for share in counted.shares.tolist()]


METHODS: dict[str, Callable[[ClassPixels], list[float]]] = {
    'median-frequency': median_frequency,
    'balanced': balanced,
    'enet': enet,
}


def class_weights(
    root: str | Path,
    labels: str = 'labels',
    split: str = 'train',
    method: str = 'median-frequency',
    per_image: bool = False,
    absent: Absent = 'refuse',
) -> dict[str, Any]:
    """Compute the weights of the classes of a data set.

    A class without a pixel has no frequency. The weights of the others are computed as if it were not there (K is
    their number).

    Args:
        root: The data set's folder, with ``dataset.yaml``.
        labels: The label set.
        split: The split, usually the one that is trained on.
        method: A name of `METHODS`.
        per_image: For ``median-frequency``: frequencies within the images that show the class.
        absent: What a class without a pixel gets: ``largest``, the largest weight of the others; ``zero``, none, so
            that the loss also forgives where the class is missed; or ``refuse``, an error.

    Returns:
        ``{"classes": [...], "weights": [...]}`` in class order; with masks that cannot be used, also one line for each
        in ``"left_out"``.

    Raises:
        InputError: The data cannot be used, a class has no pixel and ``absent`` is ``refuse``, there is no such method
            or choice, or the method does not take ``per_image``.
    """
    if method not in METHODS:
        raise InputError('class weights', f'method {method!r} is not one of {", ".join(METHODS)}')
    if per_image and method != 'median-frequency':
        raise InputError('class weights', f'per-image frequencies are for median-frequency, not for {method}')
    if absent not in get_args(Absent):
        raise InputError('class weights', f'`absent={absent}` is not one of {", ".join(get_args(Absent))}')
    counted = count_class_pixels(root, labels, split)
    shown = counted.pixels > 0
    missing = [name for name, count in zip(counted.classes, counted.pixels, strict=True) if not count]
    if missing and absent == 'refuse':
        raise InputError(
            DataSet(root).label_set(labels).folder / split,
            f'has no pixel of class {", ".join(missing)}, so it has no weight',
            'choose another split or label set, give it a weight with `absent=largest` or `absent=zero`, or take the '
            'class out of dataset.yaml',
        )
    present = ClassPixels(
        tuple(name for name in counted.classes if name not in missing),
        counted.pixels[shown],
        counted.pixels_of_images[shown],
    )
    found = median_frequency(present, per_image) if method == 'median-frequency' else METHODS[method](present)
    weights = np.full(len(shown), max(found) if absent == 'largest' else 0.0)
    weights[shown] = found
    result = {'classes': list(counted.classes), 'weights': weights.tolist()}
    return {**result, 'left_out': list(counted.left_out)} if counted.left_out else result


def check_out(path: str | Path, overwrite: bool = False) -> None:
    """Refuse a file that the weights cannot be written to, before they are computed.

    Raises:
        InputError: Its suffix is neither ``.json`` nor ``.npy``, or as `refuse_existing`.
    """
    path = Path(path)
    if path.suffix not in ('.json', '.npy'):
        raise InputError(path, "must end in .json, or in .npy for mmsegmentation's own losses")
    refuse_existing([path], overwrite)


def write_weights(path: str | Path, weights: Mapping[str, Any]) -> None:
    """Write what `class_weights` returns: all of it as JSON, or the weights alone as a NumPy array (``.npy``).

    Raises:
        InputError: The file cannot be written.
    """
    if Path(path).suffix == '.json':
        write_json(path, dict(weights))
        return
    with atomic_path(path) as temporary:
        np.save(temporary, np.array(weights['weights']))
