"""Overrides of a config as text."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mmseg_ext.errors import InputError


def parse_options(pairs: Sequence[str]) -> dict[str, object]:
    """Read ``--cfg-options``: ``KEY=VALUE`` with Python literals as values, and plain text where it is none.

    Raises:
        InputError: A pair without ``=``.
    """
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition('=')
        if not equals or not key:
            raise InputError(f'--cfg-options {pair}: must be KEY=VALUE')
        try:
            options[key] = ast.literal_eval(
                {'true': 'True', 'false': 'False', 'none': 'None'}.get(value.lower(), value)
            )
        except (ValueError, SyntaxError):
            options[key] = value
    return options
