"""A page of pictures: cards with facts that can be filtered, searched and sorted, in one self-contained HTML file."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from mmseg_ext.files import atomic_path
from mmseg_ext.reports.page_parts import HERE, page_environment, read_parts, script_hash

MAX_SIDE = 768  # pixels; a larger picture is shrunk before it is embedded
MAX_FLAT_COLOURS = 64  # a picture with no more colours is a drawing and kept exactly; any other is a photograph
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Panel:
    """One picture of a card: RGB, shape (H, W, 3), uint8."""

    caption: str
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Ordered:
    """A fact in words that has an order of its own, such as a severity: sorted by ``order``, shown as ``text``."""

    text: str
    order: float


Fact = float | int | str | Ordered | None


@dataclass(frozen=True)
class Card:
    """One entry of the gallery.

    Attributes:
        title: Its heading; the search looks here.
        panels: Pictures, side by side. None is allowed.
        facts: Name → value, shown under the pictures; the page sorts by any of them.
        tags: Words that the page filters by.
        note: Text under the facts; line breaks are kept.
        groups: Words that a table's links filter by, which have no button of their own.
    """

    title: str
    panels: Sequence[Panel]
    facts: Mapping[str, Fact] = field(default_factory=dict)
    tags: Sequence[str] = ()
    note: str = ''
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table above the cards, sortable by each column.

    Attributes:
        title: What it shows.
        columns: Column headings.
        rows: One cell a column.
        links: The column whose cells, where they name a tag or group of a card, filter by it.
        note: How to read it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    links: str | None = None
    note: str = ''

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f'{self.title}: each row must have {len(self.columns)} cells')


def write_gallery(
    path: str | Path,
    *,
    title: str,
    intro: Sequence[str] = (),
    legend: Mapping[str, Sequence[int]] | None = None,
    tables: Sequence[Table] = (),
    cards: Iterable[Card] = (),
    tag_label: str = 'check',
    sort_by: str | None = None,
) -> None:
    """Write the page, atomically.

    The cards are written one by one, so that a generator of thousands of them needs the memory of one.

    Args:
        path: The HTML file.
        title: Heading of the page.
        intro: Paragraphs under it.
        legend: What the colours (RGB, 0–255) of the pictures mean.
        tables: Tables above the cards.
        cards: The cards in the order in which they first stand.
        tag_label: What a tag is called, in the singular.
        sort_by: The fact by which the page is sorted at first, numbers from the largest, text from A; None keeps the
            given order.

    Raises:
        InputError: The file cannot be written.
    """
    environment = page_environment(HERE)
    environment.filters.update(data_uri=_data_uri, shown=_shown, sort_value=_sort_value)
    script = read_parts(HERE / 'gallery.js', HERE / 'sorting.js')
    chunks = environment.get_template('gallery.html').generate(
        title=title,
        intro=intro,
        legend={name: '#' + bytes(colour).hex() for name, colour in (legend or {}).items()},
        tables=tables,
        cards=cards,
        tag_label=tag_label,
        sort_by=sort_by or '',
        style=Markup(read_parts(HERE / 'page.css', HERE / 'gallery.css')),
        script=Markup(script),
        script_hash=script_hash(script),
    )
    # File names may hold bytes that are no UTF-8 (as surrogates); the page shows a question mark for them. Line ends
    # stay as they are, since the script's hash is over its bytes.
    with atomic_path(path) as temporary, temporary.open('w', encoding='utf-8', errors='replace', newline='') as page:
        for chunk in chunks:
            page.write(chunk)


def _data_uri(image: NDArray[np.uint8]) -> str:
    """Encode a picture: exactly (WebP) if it has few flat colours, else as a JPEG with full colour resolution."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f'a picture must be (H, W, 3) uint8, got {image.shape} {image.dtype}')
    picture = Image.fromarray(image)
    flat = picture.getcolors(MAX_FLAT_COLOURS) is not None
    if max(image.shape) > MAX_SIDE:
        scale = MAX_SIDE / max(image.shape)
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        picture = Image.fromarray(
            cv2.resize(image, size, interpolation=cv2.INTER_NEAREST_EXACT if flat else cv2.INTER_AREA)
        )
    stream = io.BytesIO()
    if flat:
        picture.save(stream, format='WEBP', lossless=True, method=2)
    else:
        # Halved colour resolution would smear the outlines that are drawn on photographs.
        picture.save(stream, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
    return f'data:image/{"webp" if flat else "jpeg"};base64,{base64.b64encode(stream.getvalue()).decode()}'


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def _shown(value: Any) -> str:
    """A fact or table cell as text: four significant digits, a dash for what is missing."""
    if _is_missing(value):
        return '–'
    if isinstance(value, Ordered):
        return value.text
    return f'{value:.4g}' if isinstance(value, float | np.floating) else str(value)


def _sort_value(value: Any) -> str:
    """What the page's script sorts by; empty for what is missing, which stands last in either direction."""
    if _is_missing(value):
        return ''
    if isinstance(value, Ordered):
        return str(value.order)
    if isinstance(value, float | np.floating) and math.isinf(value):
        return 'Infinity' if value > 0 else '-Infinity'
    return str(value)
