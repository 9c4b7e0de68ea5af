"""Parts that all HTML pages share: template, style and script of common elements, and the policy for scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

HERE = Path(__file__).parent


def load_template(path: Path, **filters: Callable[..., Any]) -> jinja2.Template:
    """Load a template that extends ``page.html``; it escapes what it shows and fails on a variable it was not given.

    Args:
        path: The template.
        filters: Filters that it uses.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([path.parent, HERE]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(filters, hex_colour=lambda colour: f'#{bytes(colour).hex()}')
    return environment.get_template(path.name)


def page_style(path: Path) -> Markup:
    """Read the common style sheet, followed by that of a page."""
    return Markup(_read(HERE / 'page.css', path))


def page_script(path: Path) -> str:
    """Read the common script, followed by that of a page."""
    return _read(HERE / 'page.js', path)


def script_hash(script: str) -> str:
    """Hash a script for the page's Content-Security-Policy, which lets only scripts with a listed hash run."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _read(*paths: Path) -> str:
    return '\n'.join(path.read_text(encoding='utf-8') for path in paths)
