"""Titles and series of scalars in ClearML: the same for all runs, so that their curves share charts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SERIES = {
    'time': ('seconds', 'step'),
    'data_time': ('seconds', 'data'),
    'lr': ('lr', 'lr'),
    'base_lr': ('lr', 'base_lr'),
}
COUNTERS = frozenset({'epoch', 'iter', 'step', 'eta'})  # the x axis, not a curve

Point = tuple[str, str, float]


def title_and_series(name: str) -> tuple[str, str]:
    """Return the title and series of a scalar.

    Args:
        name: ``train/…`` or ``val/…`` and the name that mmengine gives it.

    Returns:
        Title and series: all parts of a loss share ``train/loss``, the classes of a score share ``val/<score>``, step
        and data share ``train/seconds``; any other scalar has a title of its own.

    >>> title_and_series('val/Dice/cat')
    ('val/Dice', 'cat')
    """
    phase, _, rest = name.partition('/')
    if not rest:
        return name, name
    if rest in SERIES:
        title, series = SERIES[rest]
        return f'{phase}/{title}', series
    last = rest.rpartition('.')[2]
    if last.startswith('loss'):
        return f'{phase}/loss', rest
    title, _, label = rest.partition('/')
    return f'{phase}/{title}', label or title


def name_of(title: str, series: str) -> str:
    """Return the name of the scalar with a title and series: the inverse of `title_and_series`."""
    phase, _, topic = title.partition('/')
    for name, place in SERIES.items():
        if place == (topic, series):
            return f'{phase}/{name}'
    if topic == 'loss':
        return f'{phase}/{series}'
    return title if series in (topic, title) else f'{title}/{series}'


def points(scalars: Mapping[str, Any]) -> list[Point]:
    """Return the scalars that ClearML can draw: finite numbers. NaN (shown there as 0), text and lists are left out.

    Args:
        scalars: Names as for `title_and_series`.

    Returns:
        Title, series and value of each.
    """
    found = []
    for name, value in scalars.items():
        number = finite(value)
        if number is not None and name.rpartition('/')[2] not in COUNTERS:
            found.append((*title_and_series(name), number))
    return found


def finite(value: Any) -> float | None:
    """Return a value as a float, or None where it is no single finite number."""
    if isinstance(value, str | bytes):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):  # RuntimeError: a tensor of several numbers
        return None
    return number if math.isfinite(number) else None
