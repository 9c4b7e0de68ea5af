"""Overrides of a config, parsed from text."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mmseg_ext.errors import InputError


def parse_options(pairs: Sequence[str]) -> dict[str, object]:
    """Parse ``KEY=VALUE`` pairs, whose values are Python literals, or else plain text.

    Raises:
        InputError: A pair without ``=``.

    >>> parse_options(['optim_wrapper.optimizer.lr=0.1', 'resume=true', 'model.type=UNet'])
    {'optim_wrapper.optimizer.lr': 0.1, 'resume': True, 'model.type': 'UNet'}
    """
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition('=')
        if not equals or not key:
            raise InputError(f'`options={pair}`', 'must be KEY=VALUE')
        try:
            options[key] = ast.literal_eval(
                {'true': 'True', 'false': 'False', 'none': 'None'}.get(value.lower(), value)
            )
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            options[key] = value
    return options
