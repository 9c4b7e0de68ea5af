"""What a check says of one mask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmseg_ext.eda.audit.outlines import Box

MOST_BOXES = 20
DIGITS = 6


@dataclass(slots=True)
class Hit:
    """A check's measurement beyond its limit; with the file's name and the severity it becomes a `Finding`.

    Attributes:
        value: What was measured, or None where there is nothing to measure.
        message: One sentence for a person.
        boxes: Where: left, top, width, height in pixels, the first `MOST_BOXES`.
    """

    value: float | None
    message: str
    boxes: tuple[Box, ...] = ()


def make_hit(value: float | None, message: str, boxes: Iterable[Box] = ()) -> Hit:
    """A hit with its value rounded for the reports."""
    return Hit(None if value is None else round(float(value), DIGITS), message, tuple(boxes)[:MOST_BOXES])


def counted(number: int, noun: str) -> str:
    """``1 region``, ``2 regions``."""
    return f'{number} {noun}{"" if number == 1 else "s"}'
