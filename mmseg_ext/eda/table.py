"""Table of numbers as CSV, as Markdown and on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmseg_ext.files import csv_text

if TYPE_CHECKING:
    import rich.table

Cell = str | int | float | None
MISSING = '–'


@dataclass(frozen=True)
class Table:
    """A table with a title and a note.

    Attributes:
        title: What it shows.
        columns: Column headings → decimals of the numbers below (None for text and whole numbers).
        rows: One cell for each column; None where a value does not exist.
        note: How to read it, in one or two sentences.

    >>> print(Table('Areas', {'class': None, 'mean': 1}, [['cat', 8.269], ['dog', None]]).markdown())
    **Areas**
    <BLANKLINE>
    | class | mean |
    | --- | ---: |
    | cat | 8.3 |
    | dog | – |
    <BLANKLINE>
    """

    title: str
    columns: dict[str, int | None]
    rows: Sequence[Sequence[Cell]]
    note: str = ''

    def csv(self) -> str:
        """Write CSV with a header; numbers with two digits more than shown, nothing where a value does not exist."""
        decimals = [None if places is None else places + 2 for places in self.columns.values()]
        rows = [
            [
                round(cell, places) if isinstance(cell, float) and places is not None else cell
                for cell, places in zip(row, decimals, strict=True)
            ]
            for row in self.rows
        ]
        return csv_text([self.columns, *rows])

    def markdown(self) -> str:
        """Write a Markdown table under its title, the note below; one line where there are no rows."""
        escaped = [[text.replace('|', '\\|') for text in line] for line in [list(self.columns), *self.texts()]]
        rule = ['---:' if right else '---' for right in self._right()]
        lines = [f'| {" | ".join(line)} |' for line in [escaped[0], rule, *escaped[1:]]]
        note = [self.note, ''] if self.note else []
        if not self.rows:
            return '\n'.join([f'**{self.title}**: none', '', *note])
        return '\n'.join([f'**{self.title}**', '', *lines, '', *note])

    def texts(self) -> list[list[str]]:
        """Return the cells as shown."""
        return [
            [_text(cell, places) for cell, places in zip(row, self.columns.values(), strict=True)] for row in self.rows
        ]

    def rich(self) -> rich.table.Table:
        """Make a table for a terminal."""
        import rich.table
        from rich import box
        from rich.markup import escape

        table = rich.table.Table(
            title=escape(self.title),
            title_justify='left',
            caption=escape(self.note) or None,
            caption_justify='left',
            box=box.SIMPLE_HEAD,
            show_header=bool(self.rows),
        )
        for name, right in zip(self.columns, self._right(), strict=True):
            table.add_column(escape(name), justify='right' if right else 'left')
        for row in self.texts():
            table.add_row(*map(escape, row))
        if not self.rows:
            table.add_row('none')
        return table

    def compared_with(
        self, title: str, reference: Mapping[str, Mapping[str, str]], key: str = 'class', **where: Cell
    ) -> Table:
        """Compare numbers of this table with those of another report.

        Args:
            title: Of the new table.
            reference: Value of the column ``key`` → column of this table → the number as stated, whose last digit sets
                the rounding. A row that is missing here disagrees.
            key: The column that names the rows.
            where: Column → value of the rows that are meant, such as ``split='train'``.

        Returns:
            One row for each number: ``key``, quantity, reference, here, and whether they agree to the last digit.
        """
        rows: list[Sequence[Cell]] = []
        for place, stated_row in reference.items():
            wanted = {key: place, **where}
            found = [dict(zip(self.columns, cells, strict=True)) for cells in self.rows]
            row = next((row for row in found if all(row[name] == value for name, value in wanted.items())), {})
            for name, stated in stated_row.items():
                value = row.get(name)
                here = MISSING if value is None else f'{float(value):.{len(stated.partition(".")[2])}f}'
                rows.append([place, name, stated, here, 'yes' if here == stated else 'no'])
        return Table(title, dict.fromkeys((key, 'quantity', 'reference', 'here', 'agrees')), rows)

    def _right(self) -> list[bool]:
        """Return for each column whether it holds numbers."""
        return [
            any(isinstance(row[column], int | float) for row in self.rows) or places is not None
            for column, places in enumerate(self.columns.values())
        ]

    def _repr_markdown_(self) -> str:
        """Write what a notebook shows."""
        return self.markdown()


def _text(cell: Cell, places: int | None) -> str:
    if cell is None:
        return MISSING
    return f'{cell:.{places}f}' if isinstance(cell, float) and places is not None else str(cell)
