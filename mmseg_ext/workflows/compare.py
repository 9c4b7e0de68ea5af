"""Comparison of runs: a page, a Markdown table, JSON, and a task on the ClearML server."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing
from mmseg_ext.reports.compare import Comparison, compare_runs, write_outputs
from mmseg_ext.reports.compare.outputs import STANDARD_OUTPUT
from mmseg_ext.runs.finding import MAX_DEPTH
from mmseg_ext.runs.reading import NO_RUN, NO_RUN_FILES, read_runs


@dataclass(frozen=True)
class ComparisonResult:
    """A comparison that has been written.

    Attributes:
        comparison: The runs as a whole, and image by image.
        text: What was to be printed: the file given as ``-``, or else the table of scores.
        published: Where it stands on the ClearML server: page, and address of the comparison or None.
    """

    comparison: Comparison
    text: str
    published: tuple[str, str | None] | None


def compare(
    runs: Sequence[str | Path],
    *,
    project: str | None = None,
    publish: bool = False,
    out: str | Path | None = None,
    markdown: str | Path | None = None,
    json: str | Path | None = None,
    title: str = 'Comparison of runs',
    pictures: bool = True,
    overwrite: bool = False,
) -> ComparisonResult:
    """Compare runs by what is in their folders or in a ClearML project.

    Args:
        runs: Work dirs, folders of work dirs, or result folders of tests.
        project: ClearML project whose trainings are compared too.
        publish: Put tables and charts into a task of that project.
        out: The page, an HTML file.
        markdown: File for the table of scores; ``-`` for the text that is returned.
        json: File for all numbers; ``-`` for the text that is returned.
        title: Heading of the page.
        pictures: Whether images and masks may be in the page.
        overwrite: Replace earlier files.

    Raises:
        InputError: There is nothing to compare, a run cannot be read, or a file exists.
    """
    if not runs and project is None:
        raise InputError('nothing to compare', remedy='give `runs`, or a `project`')
    if publish and project is None:
        raise InputError('`publish=True`', 'there is no project to publish to', 'give one with `project`')
    for argument, file in (('out', out), ('markdown', markdown), ('json', json)):
        if file is not None and str(file) != STANDARD_OUTPUT:
            refuse_existing([Path(file)], overwrite, argument)
    records = read_runs(list(map(str, runs)))
    if records and project is None and all(record.reason == NO_RUN for record in records):
        places = ', '.join(map(str, runs))
        raise InputError(
            places,
            f'no run here or up to {MAX_DEPTH} folders below ({NO_RUN_FILES})',
            'give a work dir of mmseg-ext train or a result of mmseg-ext test',
        )
    if project is not None:
        from mmseg_ext.tracking.clearml import read_project

        with contextlib.redirect_stdout(sys.stderr):  # the SDK prints
            records += read_project(project, records)
    comparison = compare_runs(records)
    text = write_outputs(comparison, page=out, markdown=markdown, document=json, title=title, pictures=pictures)
    published = None
    if publish and project is not None:
        from mmseg_ext.tracking.clearml import publish as publish_comparison

        with contextlib.redirect_stdout(sys.stderr):
            published = publish_comparison(comparison, project)
    return ComparisonResult(comparison, text, published)
