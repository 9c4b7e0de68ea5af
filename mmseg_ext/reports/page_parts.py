"""What all HTML pages share: templates, the style of plain elements, sorting, and the policy for scripts."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2

HERE = Path(__file__).parent


def read_parts(*paths: Path) -> str:
    """The text of scripts or style sheets, one after the other."""
    return '\n'.join(path.read_text(encoding='utf-8') for path in paths)


def page_environment(folder: Path) -> jinja2.Environment:
    """Templates of a folder that escape what they show, and refuse to show what they were not given."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def script_hash(script: str) -> str:
    """The name under which a page's Content-Security-Policy lets a script run: this very one, whatever names hold."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
