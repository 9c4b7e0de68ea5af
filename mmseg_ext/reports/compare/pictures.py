"""Small pictures of the images on which runs differ: photograph, truth and predictions, within a budget of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.reports.drawing import IGNORED

BUDGET = 3_500_000  # bytes of pictures; the page holds them in text, which takes a third more
MAX_SIDE = 256  # pixels
JPEG_QUALITY = 75
# Okabe & Ito 2008: for the classes of a data set whose own colours are not found.
CLASS_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0))


@dataclass
class Pictures:
    """Pictures of one set of paired evaluations, as data URIs.

    Attributes:
        images: Position of the image → ``photo`` (JPEG), ``truth`` and ``masks`` (entry → PNG, class 0 transparent),
            ``width`` and ``height`` in pixels.
        total: How many images could have pictures; 0 where no evaluation has predicted masks.
        missing: How many of those tried could not be read.
        size: Bytes of all files.
    """

    images: dict[int, dict[str, Any]] = field(default_factory=dict)
    total: int = 0
    missing: int = 0
    size: int = 0


def make_pictures(one: PairedSet, budget: int = BUDGET) -> Pictures:
    """Shrink and encode the images whose scores differ most between the runs, until the budget is used."""
    if not any(evaluation.masks for evaluation in one.evaluations):
        return Pictures()
    pictures = Pictures(total=len(one.stems))
    scores = one.image_scores()
    for image in np.argsort(scores.min(axis=0) - scores.max(axis=0), kind='stable'):
        try:
            files = _Files()
            picture = _picture(one, int(image), files)
        except InputError:
            pictures.missing += 1
            continue
        if pictures.size + files.size > budget:
            break
        pictures.size += files.size
        pictures.images[int(image)] = picture
    return pictures


class _Files:
    """Turns files into data URIs and adds up their sizes."""

    def __init__(self) -> None:
        self.size = 0

    def uri(self, picture: Image.Image, kind: str, **options: Any) -> str:
        stream = io.BytesIO()
        picture.save(stream, format=kind, optimize=True, **options)
        self.size += stream.tell()
        return f'data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}'


def _picture(one: PairedSet, image: int, files: _Files) -> dict[str, Any]:
    records = one.evaluations[0].records
    assert records is not None
    row = one.rows[0][image]
    photo = read_image(records.images[row])
    height, width = photo.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    palette = _palette(records.images[row], one.classes)
    small = Image.fromarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))
    picture: dict[str, Any] = {
        'photo': files.uri(small, 'JPEG', quality=JPEG_QUALITY),
        'width': size[0],
        'height': size[1],
        'masks': {},
    }
    label = records.labels[row]
    if label is not None and Path(label).is_file():
        picture['truth'] = files.uri(_flat(read_mask(label), size, palette), 'PNG', transparency=0)
    for entry, evaluation in enumerate(one.evaluations):
        path = evaluation.masks / f'{one.stems[image]}.png' if evaluation.masks is not None else None
        if path is not None and path.is_file():
            picture['masks'][entry] = files.uri(_flat(read_mask(path), size, palette), 'PNG', transparency=0)
    return picture


def _flat(mask: NDArray[np.uint8], size: tuple[int, int], palette: Sequence[Sequence[int]]) -> Image.Image:
    """A palette image of class indices; values that are no class are grey."""
    small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    picture = Image.fromarray(np.minimum(small, len(palette)).astype(np.uint8))
    picture.putpalette([value for colour in (*palette, IGNORED) for value in colour])
    return picture


def _palette(image: str, names: Sequence[str]) -> list[tuple[int, int, int]]:
    """The data set's colours, or our own where its ``dataset.yaml`` is gone or names other classes."""
    classes: Classes | None
    try:
        classes = Classes.read(Path(image).parents[2])  # ROOT/img/<split>/<stem>.jpg
    except (InputError, OSError, IndexError):
        classes = None
    if classes is not None and classes.names == tuple(names):
        return list(classes.palette)
    return [(0, 0, 0), *(CLASS_COLOURS[number % len(CLASS_COLOURS)] for number in range(len(names) - 1))]
