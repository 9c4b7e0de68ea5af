"""The trainings of a search, ranked and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DASH = '–'


def rank(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort trainings by their value, the best first and those without a value last."""
    return sorted(rows, key=lambda row: (row['value'] is None, -(row['value'] or 0), row['trial']))


def search_table(report: Mapping[str, Any], rows: int = 20) -> Any:
    """Return the best trainings of a report as a rich table.

    Args:
        report: As from `search`.
        rows: How many trainings.
    """
    from rich.table import Table

    table = Table(title=f'{len(report["trials"])} trainings by val/{report["settings"]["metric"]}')
    keys = list(report['settings']['space'])
    for name in ('trial', 'value', 'iteration', 'minutes', 'state', *keys):
        table.add_column(name, justify='right' if name != 'state' else 'left', overflow='fold')
    for row in report['trials'][:rows]:
        chosen = [row['parameters'].get(key, DASH) for key in keys]
        table.add_row(
            str(row['trial']),
            DASH if row['value'] is None else f'{row["value"]:.2f}',
            DASH if row['iteration'] is None else str(row['iteration']),
            f'{row["minutes"]:.1f}',
            row['state'],
            *(f'{value:.4g}' if isinstance(value, float) else str(value) for value in chosen),
        )
    return table
