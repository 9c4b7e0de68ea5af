"""Analysis of the errors of a test, written as page, JSON, tables, charts and Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.evaluation.errors.analysis import Settings, analyze
from mmseg_ext.evaluation.errors.causes import CauseSettings
from mmseg_ext.evaluation.errors.label_suspects import read_correction
from mmseg_ext.evaluation.errors.result_dir import open_result
from mmseg_ext.evaluation.errors.summary import summarize_errors
from mmseg_ext.reports.errors import check_markdown, check_out, write_error_outputs, write_errors_markdown
from mmseg_ext.workflows.arguments import check_least


@dataclass(frozen=True)
class ErrorAnalysis:
    """An analysis that has been written.

    Attributes:
        summary: The content of ``errors.json``.
        page: ``errors.html``.
        has_probabilities: Whether the test kept probabilities, without which confidence is left out.
    """

    summary: dict[str, Any]
    page: Path
    has_probabilities: bool


def analyze_errors(
    result_dir: str | Path,
    out: str | Path,
    *,
    data: str | Path | None = None,
    markdown: str | Path | None = None,
    corrected: str | None = None,
    background: str | None = None,
    band: float | None = None,
    radius: int | None = None,
    min_objects: int | None = None,
    top: int = 12,
    seed: int = 0,
    overwrite: bool = False,
    command: Sequence[str] = (),
) -> ErrorAnalysis:
    """Find the cause of every wrong pixel, and what correcting it would gain.

    Args:
        result_dir: Result folder of a test.
        out: Folder for ``errors.html``, ``errors.json``, tables and charts.
        data: The data set, where it has moved since the test.
        markdown: File for a report without images; its charts are written next to it.
        corrected: Label set of corrected masks, to check the suspected masks with.
        background: Name of the class that is no object, or ``none``; by default what ``dataset.yaml`` says.
        band: Width of the boundary band in pixels (default: 1 % of the diagonal).
        radius: Opening radius in pixels that defines thin parts (default: 1 % of the diagonal).
        min_objects: Objects that a worst slice must have (default: 8, or 5 % of all).
        top: Images in each gallery.
        seed: Seed of all random draws.
        overwrite: Replace an earlier analysis.
        command: Command line to record in the summary.

    Raises:
        InputError: The result or an argument cannot be used, or a file exists.
    """
    check_least(1, band=band, radius=radius, top=top)
    check_least(2, min_objects=min_objects)
    check_least(0, seed=seed)
    check_out(out, overwrite)
    if markdown is not None:
        check_markdown(markdown, overwrite)
    result = open_result(result_dir, data)
    settings = Settings(
        background=result.classes.find_background(background),
        causes=CauseSettings(band=band, radius=radius),
        min_objects=min_objects,
        seed=seed,
    )
    correction = None if corrected is None else read_correction(result, corrected, settings.background)
    analysis = analyze(result, settings)
    summary = summarize_errors(analysis, list(command), correction)
    page = write_error_outputs(out, analysis, summary, top)
    if markdown is not None:
        write_errors_markdown(markdown, summary)
    return ErrorAnalysis(summary, page, result.has_probabilities)
