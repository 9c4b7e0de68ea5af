"""Page of a whole run from audit to error analysis: what was found, and links to the pages of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ext.eda.table import Table
from mmseg_ext.files import write_text
from mmseg_ext.reports.html_page import HERE, load_template, page_style


@dataclass(frozen=True)
class Step:
    """A section of the page.

    Attributes:
        title: Its heading.
        text: What the step found, in a sentence or two.
        links: Name → address relative to the page.
        table: Its numbers, or None.
    """

    title: str
    text: str
    links: Mapping[str, str] = field(default_factory=dict)
    table: Table | None = None


def write_auto_page(path: str | Path, title: str, sentences: Sequence[str], steps: Sequence[Step]) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        title: Its heading.
        sentences: The conclusions, a paragraph each.
        steps: The sections.

    Raises:
        InputError: The file cannot be written.
    """
    template = load_template(HERE / 'auto.html')
    style = page_style(HERE / 'auto.css')
    write_text(
        path, template.render(title=title, sentences=sentences, steps=steps, style=style, script='', script_hashes=[])
    )
