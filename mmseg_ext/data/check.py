"""What a split's files must satisfy before a training may start.

A few seconds here replace an opaque failure (a CUDA assert, a worker's traceback) hours later. ``tools/audit.py`` looks
at far more; this asks only what would break.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import read_image
from mmseg_ext.data.layout import IMAGE_SUFFIXES, MASK_SUFFIX, Classes, list_stems
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

Pair = tuple[Path, Path | None]
Decoded = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]

MOST_NAMED = 5


def find_pairs(root: Path, split: str, labels: str | None, optional: bool = False) -> list[Pair]:
    """List a split's images with their masks, sorted by stem.

    Args:
        root: The data set's folder.
        split: Name of the folder below ``img/`` and below the label set.
        labels: Name of the label set; None for images alone.
        optional: A label set without a folder for this split means "no masks" instead of an error.

    Raises:
        InputError: A folder is missing or empty, an image has no mask, or a mask no image.
    """
    images = _list(root, f'img/{split}', IMAGE_SUFFIXES)
    if labels is None or (optional and not (root / labels / split).is_dir()):
        return [(path, None) for path in images.values()]
    masks = _list(root, f'{labels}/{split}', (MASK_SUFFIX,))
    problems = [f'{images[stem]}: image without mask' for stem in images.keys() - masks.keys()]
    problems += [f'{masks[stem]}: mask without image' for stem in masks.keys() - images.keys()]
    raise_problems(sorted(problems), root, labels)
    return [(path, masks[stem]) for stem, path in images.items()]


def _list(root: Path, folder: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    if not (root / folder).is_dir():
        raise InputError(
            f'{root / folder}: folder not found; a data set has img/<split>/ and <label set>/<split>/, see README'
        )
    found = list_stems(root / folder, suffixes)
    if not found:
        raise InputError(
            f'{root / folder}: folder holds no {"/".join(suffixes)} file; put the files there or name another split'
        )
    return found


def decode_pairs(
    pairs: Sequence[Pair], classes: Classes, root: Path, labels: str | None, keep: bool, workers: int = 4
) -> list[Decoded]:
    """Decode all pairs and check them: readable, image and mask of one size, every id a class or ignored.

    Args:
        pairs: From `find_pairs`.
        classes: Names and ignored value of the data set.
        root: Named in the error.
        labels: Label set, named in the error.
        keep: Return the arrays; otherwise they are dropped as soon as they are checked.
        workers: Threads (the decoders release the interpreter lock).

    Returns:
        One (image, mask) a pair, image BGR (H, W, 3) and mask (H, W), both uint8; empty without ``keep``.

    Raises:
        InputError: One error for all problems, naming the first five files.
    """

    def check(pair: Pair) -> Decoded | str | None:
        try:
            image = read_image(pair[0])
            mask = None if pair[1] is None else read_mask(pair[1])
        except InputError as error:
            return str(error)
        problem = None if mask is None else _mask_problem(pair, image, mask, classes)
        return problem or ((image, mask) if keep else None)

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(check, pairs))
    raise_problems([result for result in results if isinstance(result, str)], root, labels)
    return [result for result in results if isinstance(result, tuple)]


def _mask_problem(pair: Pair, image: NDArray[np.uint8], mask: NDArray[np.uint8], classes: Classes) -> str | None:
    if image.shape[:2] != mask.shape:
        return (
            f'{pair[1]}: mask is {mask.shape[1]}×{mask.shape[0]} pixels, its image {pair[0]} is '
            f'{image.shape[1]}×{image.shape[0]} (width×height)'
        )
    ids = np.flatnonzero(np.bincount(mask.reshape(-1), minlength=256))
    wrong = [int(i) for i in ids if i >= len(classes.names) and i != classes.ignore_index]
    if not wrong:
        return None
    found = ', '.join(map(str, wrong))
    known = ', '.join(f'{i} {name}' for i, name in enumerate(classes.names))
    return f'{pair[1]}: holds class id {found}, known are {known} and {classes.ignore_index} (ignored)'


def raise_problems(problems: Sequence[str], root: Path, labels: str | None) -> None:
    """Raise one `InputError` for a list of problems, if there are any: the first five, the count, the tool to use."""
    if not problems:
        return
    named = '; '.join(problems[:MOST_NAMED])
    more = f'; and {len(problems) - MOST_NAMED} more' if len(problems) > MOST_NAMED else ''
    option = f' --labels {labels}' if labels else ''
    raise InputError(f'{named}{more}. See all: python tools/audit.py {root}{option}')
