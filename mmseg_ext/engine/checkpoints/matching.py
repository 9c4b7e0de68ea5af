"""Comparison of a checkpoint's weights with those of a model."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ext.errors import InputError


def revise(state: Mapping[str, Any], revise_keys: Sequence[tuple[str, str]]) -> OrderedDict[str, Any]:
    r"""Rename the keys of a state by regular expressions, one after another, as mmengine does.

    Args:
        state: Weights by name. The versions of its modules, which torch uses to convert older files, are kept.
        revise_keys: Pairs (pattern, replacement).

    >>> dict(revise({'module.head.weight': 1}, [(r'^module\.', '')]))
    {'head.weight': 1}
    """
    revised = OrderedDict(state)
    for pattern, replacement in revise_keys:
        revised = OrderedDict((re.sub(pattern, replacement, key), value) for key, value in revised.items())
    if hasattr(state, '_metadata'):
        revised._metadata = state._metadata  # type: ignore[attr-defined]
    return revised


def check_weights(name: str, state: Mapping[str, Any], own: Mapping[str, Any], strict: bool) -> None:
    """Refuse the weights of another model; mmengine would load what fits, or nothing.

    Args:
        name: The checkpoint's path, for the message.
        state: Its weights.
        own: The model's own ``state_dict``.
        strict: Whether every key and shape must match; otherwise one is enough (a new head on a trained backbone).

    Raises:
        InputError: No key matches, or with ``strict`` not all do. The message counts them and names some mismatches.
    """
    problems = [f'{key} is missing' for key in own if key not in state and 'num_batches_tracked' not in key]
    problems += [f'{key} is unknown to the model' for key in state if key not in own]
    shared = [key for key in own if key in state]
    different = [key for key in shared if getattr(own[key], 'shape', None) != getattr(state[key], 'shape', None)]
    problems += [f'{key} has another shape' for key in different]
    matching = len(shared) - len(different)
    if own and (not matching or (strict and problems)):
        some = '; '.join(problems[:4]) + ('; …' if len(problems) > 4 else '')
        raise InputError(
            name,
            f'is a checkpoint of another model: {matching} of the {len(own)} keys of this one match ({some})',
            'use the config it was trained with',
        )
