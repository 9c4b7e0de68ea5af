"""Examples in docstrings as code blocks of the reference: Markdown would take each ``>>>`` for a quotation."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r'^(?P<indent> *)>>> .*(?:\n(?P=indent)\S.*)*', re.M)


class FencedExamples(griffe.Extension):
    """Extension of griffe, which reads the docstrings."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Put a fence around each example."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r'\g<indent>```pycon\n\g<0>\n\g<indent>```', obj.docstring.value)
