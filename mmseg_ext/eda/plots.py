"""Style of all figures: readable in print, in grey, and by the colour-blind.

Class colours are those of M. Okabe and K. Ito, Color Universal Design, 2008 (jfly.uni-koeln.de/color), in an order in
which neighbours also differ in lightness. The palette of a data set is for masks on a screen and is not used here.
Matplotlib is imported when a figure is made, not with this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmseg_ext.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BACKGROUND = '#9a9a9a'
INK = '#222222'
CYCLE = ('#E69F00', '#0072B2', '#56B4E9', '#D55E00', '#F0E442', '#009E73', '#CC79A7', '#000000')
MARKERS = ('o', '^', 's', 'D', 'v', 'P', 'X', '*')
LINES = ('-', '--', ':', '-.')
HATCHES = ('', '///', '...', 'xxx')
SEQUENTIAL = 'cividis'  # even steps of lightness, made for the colour-blind
WIDTH_INCHES = 7.2  # two columns of a printed page

RC: Any = {  # matplotlib's own type for this lists every key
    'font.size': 9,
    'axes.titlesize': 10,
    'axes.titlelocation': 'left',
    'axes.titleweight': 'bold',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.edgecolor': INK,
    'axes.labelcolor': INK,
    'text.color': INK,
    'xtick.color': INK,
    'ytick.color': INK,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': '#dddddd',
    'grid.linewidth': 0.6,
    'legend.frameon': False,
    'legend.fontsize': 8.5,
    'lines.linewidth': 1.6,
    'hatch.linewidth': 0.8,
    'figure.dpi': 110,
    'savefig.dpi': 200,
    'savefig.facecolor': 'white',
    'svg.fonttype': 'none',
    'svg.hashsalt': 'mmseg_ext',
}


def class_colour(index: int, background: int | None = 0) -> str:
    """Return the colour of a class, the same in every figure: grey for the background, then `CYCLE`.

    >>> class_colour(0), class_colour(1)
    ('#9a9a9a', '#E69F00')
    """
    if index == background:
        return BACKGROUND
    skipped = background is not None and index > background
    return CYCLE[(index - skipped) % len(CYCLE)]


def class_marker(index: int, background: int | None = 0) -> str:
    """Return the marker of a class, so that classes differ without colour too."""
    skipped = background is not None and index > background
    return MARKERS[(index - skipped) % len(MARKERS)]


@contextmanager
def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float = 2.8,
    layout: Literal['constrained', 'compressed'] = 'constrained',
    **options: Any,
) -> Iterator[tuple[Figure, Any]]:
    """Make a figure in the common style, without pyplot and its list of open figures.

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        height: Of the whole figure, in inches; the width is that of a printed page.
        layout: Matplotlib's layout engine; ``compressed`` for panels of a fixed aspect.
        options: As for ``Figure.subplots``.

    Yields:
        The figure and its axes, always an array of shape (rows, columns). The style holds inside the block only.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        figure = Figure(figsize=(WIDTH_INCHES, height), layout=layout)
        yield figure, figure.subplots(rows, columns, squeeze=False, **options)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure atomically; the suffix (``.png``, ``.svg``, ``.pdf``) tells the format.

    Neither time nor program is written into it, so that equal figures are equal files.
    """
    import matplotlib as mpl

    empty = {'.svg': {'Date': None}, '.png': {'Software': None}, '.pdf': {'CreationDate': None}}
    with mpl.rc_context(RC), atomic_path(path) as temporary:
        figure.savefig(temporary, metadata=empty.get(Path(path).suffix))
