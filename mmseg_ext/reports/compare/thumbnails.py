"""Thumbnails of the images on which runs differ, with ground truth and predictions, within a budget of bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.reading import names_file
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.reports.drawing import IGNORED

MAX_BYTES = 3_500_000  # on one page, which holds them as base64 text, a third longer
MAX_SIDE_PX = 256
JPEG_QUALITY = 75
# Okabe & Ito 2008, for the classes of a data set whose dataset.yaml is not found.
CLASS_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0))

Palette = Sequence[Sequence[int]]


@dataclass
class Thumbnails:
    """Thumbnails of one set of paired evaluations, as data URIs.

    Attributes:
        images: Position of the image → ``image`` (JPEG), ``truth`` and ``masks`` (entry → PNG, background transparent),
            ``width`` and ``height`` in pixels.
        total: Number of images that could be shown; 0 where no evaluation has predicted masks.
        unreadable: Number of those tried that could not be read.
        size: Bytes of all files.
    """

    images: dict[int, dict[str, Any]] = field(default_factory=dict)
    total: int = 0
    unreadable: int = 0
    size: int = 0


def make_thumbnails(paired_set: PairedSet, max_bytes: int = MAX_BYTES) -> Thumbnails:
    """Shrink and encode the images whose scores differ most between the runs, until the budget is used up."""
    if not any(evaluation.masks for evaluation in paired_set.evaluations):
        return Thumbnails()
    thumbnails = Thumbnails(total=len(paired_set.stems))
    scores = paired_set.image_scores()
    palette_of = cache(lambda folder: _palette(folder, paired_set.classes))
    for image in np.argsort(scores.min(axis=0) - scores.max(axis=0), kind='stable'):
        try:
            thumbnail, size = _thumbnail(paired_set, int(image), palette_of)
        except InputError:
            thumbnails.unreadable += 1
            continue
        if thumbnails.size + size > max_bytes:
            break
        thumbnails.size += size
        thumbnails.images[int(image)] = thumbnail
    return thumbnails


def _thumbnail(
    paired_set: PairedSet, image: int, palette_of: Callable[[Path], tuple[Palette, int | None]]
) -> tuple[dict[str, Any], int]:
    """Encode one image with its masks; returns the entry of `Thumbnails.images` and the bytes of its files."""
    records = paired_set.evaluations[0].records
    assert records is not None
    row = paired_set.rows[0][image]
    pixels = read_image(records.images[row])
    height, width = pixels.shape[:2]
    scale = min(1.0, MAX_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    palette, background = palette_of(Path(records.images[row]).parent)
    small = Image.fromarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    files = [_encode(small, 'JPEG', quality=JPEG_QUALITY)]

    def encode_mask(path: Path | None) -> str | None:
        if path is None or not names_file(path):
            return None
        transparent = {} if background is None else {'transparency': background}
        files.append(_encode(_small_mask(read_mask(path), size, palette), 'PNG', **transparent))
        return _data_uri(files[-1], 'png')

    labels = records.labels[row]
    truth = encode_mask(None if labels is None else Path(labels))
    folders = [evaluation.masks for evaluation in paired_set.evaluations]
    name = f'{paired_set.stems[image]}.png'
    masks = [encode_mask(None if folder is None else folder / name) for folder in folders]
    thumbnail = {
        'image': _data_uri(files[0], 'jpeg'),
        'width': size[0],
        'height': size[1],
        'masks': {entry: uri for entry, uri in enumerate(masks) if uri is not None},
        **({} if truth is None else {'truth': truth}),
    }
    return thumbnail, sum(map(len, files))


def _encode(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format=file_format, optimize=True, **options)
    return stream.getvalue()


def _data_uri(data: bytes, kind: str) -> str:
    return f'data:image/{kind};base64,{base64.b64encode(data).decode()}'


def _small_mask(mask: Mask, size: tuple[int, int], palette: Palette) -> Image.Image:
    """Shrink a mask and give it a palette; values that are no class become grey."""
    small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    picture = Image.fromarray(np.minimum(small, len(palette)).astype(np.uint8))
    picture.putpalette([value for colour in (*palette, IGNORED) for value in colour])
    return picture


def _palette(image_folder: Path, names: tuple[str, ...]) -> tuple[Palette, int | None]:
    """Return colours and background of the data set, or our own where ``dataset.yaml`` is missing or of others."""
    try:
        classes = Classes.read(image_folder.parents[1])  # ROOT/img/<split>
    except (InputError, OSError, IndexError):
        classes = None
    if classes is not None and classes.names == names:
        return classes.palette, classes.background
    return [(0, 0, 0), *(CLASS_COLOURS[number % len(CLASS_COLOURS)] for number in range(len(names) - 1))], 0
