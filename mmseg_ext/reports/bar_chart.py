"""Bar chart of a page, drawn by the style sheet alone: it needs no script, and follows the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """A bar of a chart.

    Attributes:
        label: What it measures; in a gallery a link to the cards with that tag or group, if there are any.
        value: Its length, from 0; None where it is unknown.
        text: The value in words.
        low: Lower end of the interval; None where it is unknown.
        high: Upper end.
        colour: RGB, 0–255; None for the page's own.
    """

    label: str
    value: float | None
    text: str
    low: float | None = None
    high: float | None = None
    colour: Sequence[int] | None = None


@dataclass(frozen=True)
class BarChart:
    """A chart with a horizontal bar for each of its entries.

    Attributes:
        title: Its heading.
        bars: From top to bottom.
        note: Explanation below the chart.
        dots: Draw points instead of bars, on a scale that need not begin at 0.
    """

    title: str
    bars: Sequence[Bar]
    note: str = ''
    dots: bool = False

    def places(self) -> list[tuple[Bar, dict[str, float]]]:
        """Place each bar by ``start`` and ``length``, and its interval by ``low`` and ``span``, in % of the width.

        The length of a point is 0; what is unknown is left out.

        >>> [(bar, places)] = BarChart('', [Bar('a', 2.0, '2', low=1.0, high=4.0)]).places()
        >>> places
        {'start': 0.0, 'length': 50.0, 'low': 25.0, 'span': 75.0}
        """
        ends = [end for bar in self.bars for end in (bar.value, bar.low, bar.high) if end is not None]
        ends = ends if self.dots and ends else [0.0, *ends]
        least, scale = min(ends), 100 / ((max(ends) - min(ends)) or 1)
        placed = []
        for bar in self.bars:
            places = {}
            if bar.value is not None:
                left, right = sorted((bar.value if self.dots else 0.0, bar.value))
                places = {'start': (left - least) * scale, 'length': (right - left) * scale}
            if bar.low is not None and bar.high is not None:
                places |= {'low': (bar.low - least) * scale, 'span': (bar.high - bar.low) * scale}
            placed.append((bar, {name: round(place, 2) for name, place in places.items()}))
        return placed
