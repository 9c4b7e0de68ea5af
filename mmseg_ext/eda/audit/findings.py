"""What an audit says of one file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal['error', 'warning', 'info']
SEVERITIES: tuple[Severity, ...] = ('error', 'warning', 'info')


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result for one file.

    Attributes:
        check: Name of the check, such as ``fragments``.
        severity: ``error`` (cannot be trained on), ``warning`` (probably wrong), ``info`` (worth a look).
        split: Name of the split.
        stem: The file's stem.
        value: What was measured (a count, a share, a ratio), or None where there is nothing to measure.
        message: One sentence for a person.
        boxes: Where in the picture: left, top, width, height in pixels of the mask.
    """

    check: str
    severity: Severity
    split: str
    stem: str
    value: float | None
    message: str
    boxes: tuple[tuple[int, int, int, int], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The finding as a row of the JSON and CSV reports; the boxes serve the page alone."""
        row = asdict(self)
        del row['boxes']
        return row
