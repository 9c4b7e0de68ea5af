"""What the charts look like in common."""

from __future__ import annotations

from typing import Any

from mmseg_ext.reports.compare.comparison import Comparison

Figure = dict[str, Any]

# Told apart from each other, and from a white and from a black ground.
COLOURS = (
    '#3b82d6', '#e07b1a', '#2a9d6a', '#cf4d6f', '#8d6fd6', '#a87a2a', '#1a9cb7', '#c65fb0', '#7c9321', '#7d8794',
)  # fmt: skip
DASHES = ('solid', 'dash', 'dot', 'dashdot', 'longdash')


def run_styles(comparison: Comparison) -> dict[str, dict[str, str]]:
    """One colour a group; its runs differ by their dashes."""
    return {
        run.name: {'color': COLOURS[number % len(COLOURS)], 'dash': DASHES[member % len(DASHES)]}
        for number, group in enumerate(comparison.groups)
        for member, run in enumerate(group.runs)
    }
