"""Gallery: a page of cards with images and facts that can be filtered, searched and sorted, in one HTML file."""

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
from mmseg_ext.reports.bar_chart import BarChart
from mmseg_ext.reports.html_page import HERE, load_template, page_script, page_style, script_hash

MAX_SIDE_PX = 768  # a larger image is shrunk before it is embedded
MAX_FLAT_COLOURS = 64  # an image with no more colours is a mask or drawing, which is embedded without loss
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Panel:
    """An image of a card: RGB, shape (H, W, 3), uint8, with its caption."""

    caption: str
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Ordered:
    """A fact shown as ``text`` and sorted by ``order``, such as a severity."""

    text: str
    order: float


Fact = float | int | str | Ordered | None


@dataclass(frozen=True)
class Card:
    """An entry of the gallery.

    Attributes:
        title: Its heading, in which the page searches.
        panels: Images side by side; may be empty.
        facts: Name → value, shown below the images; the page sorts by any of them.
        tags: Words by which the page filters.
        note: Text below the facts; line breaks are kept.
        groups: Words by which a link in a table filters; they have no button of their own.
    """

    title: str
    panels: Sequence[Panel]
    facts: Mapping[str, Fact] = field(default_factory=dict)
    tags: Sequence[str] = ()
    note: str = ''
    groups: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table below the cards, folded, sortable by each column.

    Attributes:
        title: Its heading.
        columns: Headings of the columns.
        rows: One cell per column.
        links: Heading of the column whose cells become links: each shows the cards with that tag or group.
        note: Explanation below the table.
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
    conclusions: Sequence[str] = (),
    intro: Sequence[str] = (),
    chart: BarChart | None = None,
    legend: Mapping[str, Sequence[int]] | None = None,
    tables: Sequence[Table] = (),
    cards: Iterable[Card] = (),
    cards_title: str = 'Images',
    tag_label: str = 'check',
    sort_by: str | None = None,
) -> None:
    """Write the page, atomically.

    The cards are written one by one: a generator of thousands of them needs the memory of one.

    Args:
        path: The HTML file.
        title: Heading of the page.
        conclusions: What the page shows, in a few sentences, above all else.
        intro: Paragraphs below them: what was measured, how to read it.
        chart: Chart above the cards; one without bars is left out.
        legend: Meaning → colour (RGB, 0–255) in the images.
        tables: Tables below the cards, folded.
        cards: The cards in the order in which they are shown at first.
        cards_title: Heading above the cards.
        tag_label: What a tag is, in the singular.
        sort_by: The fact by which the page is sorted at first, numbers from the largest and text from A; None keeps
            the given order.

    Raises:
        InputError: The file cannot be written.
    """
    script = page_script(HERE / 'gallery.js')
    template = load_template(HERE / 'gallery.html', data_uri=_data_uri, shown=_shown, sort_value=_sort_value)
    chunks = template.generate(
        title=title,
        conclusions=conclusions,
        intro=intro,
        chart=chart,
        cards_title=cards_title,
        legend=legend or {},
        tables=tables,
        cards=cards,
        tag_label=tag_label,
        sort_by=sort_by or '',
        style=page_style(HERE / 'gallery.css'),
        script=Markup(script),
        script_hashes=[script_hash(script)],
    )
    # File names may hold bytes that are not UTF-8 (as surrogates); the page shows a question mark for them. Line ends
    # are not converted, since the script's hash is over its bytes.
    with atomic_path(path) as temporary, temporary.open('w', encoding='utf-8', errors='replace', newline='') as page:
        for chunk in chunks:
            page.write(chunk)


def _data_uri(image: NDArray[np.uint8]) -> str:
    """Encode an image: without loss (WebP) if it has few colours, else as a JPEG with full colour resolution."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f'an image must be (H, W, 3) uint8, got {image.shape} {image.dtype}')
    picture = Image.fromarray(image)
    flat = picture.getcolors(MAX_FLAT_COLOURS) is not None
    if max(image.shape) > MAX_SIDE_PX:
        scale = MAX_SIDE_PX / max(image.shape)
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        picture = Image.fromarray(
            cv2.resize(image, size, interpolation=cv2.INTER_NEAREST_EXACT if flat else cv2.INTER_AREA)
        )
    stream = io.BytesIO()
    if flat:
        picture.save(stream, format='WEBP', lossless=True, method=2)
    else:
        # Halved colour resolution would smear the outlines that are drawn on images.
        picture.save(stream, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
    return f'data:image/{"webp" if flat else "jpeg"};base64,{base64.b64encode(stream.getvalue()).decode()}'


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def _shown(value: Any) -> str:
    """Format a fact or table cell: four significant digits, a dash for a missing value."""
    if _is_missing(value):
        return '–'
    if isinstance(value, Ordered):
        return value.text
    return f'{value:.4g}' if isinstance(value, float | np.floating) else str(value)


def _sort_value(value: Any) -> str:
    """Format the value by which the script sorts: empty for a missing one, which comes last in either direction."""
    if _is_missing(value):
        return ''
    if isinstance(value, Ordered):
        return str(value.order)
    if isinstance(value, float | np.floating) and math.isinf(value):
        return 'Infinity' if value > 0 else '-Infinity'
    return str(value)
