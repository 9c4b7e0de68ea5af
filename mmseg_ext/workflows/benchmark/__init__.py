"""Benchmarks of parts of mmseg_ext against named peers, both in turn in one process: one module per benchmark.

A benchmark may import everything but the commands; its module is imported by name, since most need torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class BenchmarkResult(NamedTuple):
    """Result of a benchmark.

    Attributes:
        table: The timings, to print.
        ratio: Our time over the peer's.
        goal: The largest ratio that is good enough.
        further: Other ratios with their goals, by name.
    """

    table: str
    ratio: float
    goal: float
    further: Mapping[str, tuple[float, float]] = {}
