"""From runs to the files that the tool writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_ext.files import write_text
from mmseg_ext.reports.compare.comparison import Comparison, compare
from mmseg_ext.reports.compare.documents import json_document, markdown_table
from mmseg_ext.reports.compare.page import write_comparison
from mmseg_ext.reports.compare.pairs import PairedSet, paired_sets
from mmseg_ext.runs.record import RunRecord

STANDARD_OUTPUT = '-'


@dataclass(frozen=True)
class Compared:
    """Runs compared as a whole, and image by image where that can be done."""

    comparison: Comparison
    sets: list[PairedSet]


def compare_runs(runs: Sequence[RunRecord]) -> Compared:
    """Compare runs, wherever they were read from."""
    comparison = compare(runs)
    return Compared(comparison, paired_sets(comparison))


def write_outputs(
    compared: Compared,
    *,
    page: str | Path | None = None,
    markdown: str | Path | None = None,
    document: str | Path | None = None,
    title: str = 'Comparison of runs',
    pictures: bool = True,
) -> str:
    """Write what is asked for; ``-`` stands for what is returned to be printed.

    Args:
        compared: The runs.
        page: The HTML file.
        markdown: The file of the table of scores.
        document: The JSON file.
        title: Heading of the page.
        pictures: Whether photographs and masks may stand in the page.

    Returns:
        What is to be printed: one of the texts, or else the table of scores.

    Raises:
        InputError: A file cannot be written.
    """
    table = markdown_table(compared.comparison)
    numbers = json_document(compared.comparison, compared.sets)
    text = json.dumps(numbers, indent=2, ensure_ascii=False, allow_nan=False) + '\n'
    for target, content in ((markdown, table), (document, text)):
        if target is not None and str(target) != STANDARD_OUTPUT:
            write_text(target, content)
    if page is not None:
        write_comparison(page, compared.comparison, compared.sets, title=title, pictures=pictures)
    return text if str(document) == STANDARD_OUTPUT else table
