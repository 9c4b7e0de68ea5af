"""Findings: what the checks of an audit report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Box = tuple[int, int, int, int]  # left, top, width, height
Severity = Literal['error', 'warning', 'info']

SEVERITIES: tuple[Severity, ...] = ('error', 'warning', 'info')
MAX_BOXES = 20  # of one finding
VALUE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result for one file.

    Attributes:
        check: Name of the check, such as ``fragments``.
        severity: ``error`` (to be fixed before training), ``warning`` (probably wrong), ``info`` (worth a look).
        split: Name of the split.
        stem: The file's stem.
        value: What was measured (a count, a share, a ratio), or None where there is nothing to measure.
        message: One sentence for a person.
        boxes: Where in the image: left, top, width, height in pixels of the mask.
    """

    check: str
    severity: Severity
    split: str
    stem: str
    value: float | None
    message: str
    boxes: tuple[Box, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as a row of the reports, without its boxes."""
        row = asdict(self)
        del row['boxes']
        return row


@dataclass(slots=True)
class Hit:
    """A measurement beyond a check's limit; with the file's name and the severity it becomes a `Finding`.

    Attributes:
        value: What was measured, or None where there is nothing to measure.
        message: One sentence for a person.
        boxes: Where: left, top, width, height in pixels, the first `MAX_BOXES`.
    """

    value: float | None
    message: str
    boxes: tuple[Box, ...] = ()


def make_hit(value: float | None, message: str, boxes: Iterable[Box] = ()) -> Hit:
    """Make a hit with its value rounded for the reports."""
    return Hit(None if value is None else round(float(value), VALUE_DECIMALS), message, tuple(boxes)[:MAX_BOXES])


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> counted(1, 'region'), counted(2, 'region')
    ('1 region', '2 regions')
    """
    return f'{number} {noun}{"" if number == 1 else "s"}'
