"""Whether weights belong to a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ext.errors import InputError


def revise(state: Mapping[str, Any], revise_keys: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Rename the keys of a state by regular expressions, one after another, as mmengine does.

    Args:
        state: Weights by name.
        revise_keys: Pairs (pattern, replacement).
    """
    for pattern, replacement in revise_keys:
        state = {re.sub(pattern, replacement, key): value for key, value in state.items()}
    return dict(state)


def check_weights(name: str, state: Mapping[str, Any], own: Mapping[str, Any], strict: bool) -> None:
    """Refuse the weights of another model, which mmengine would load as far as they fit: perhaps not at all.

    Args:
        name: The checkpoint's path, for the message.
        state: Its weights.
        own: The model's own ``state_dict``.
        strict: Whether every key and shape must match, or one is enough (a new head on a trained backbone).

    Raises:
        InputError: No key matches, or not all do where they must. It says how many do, and names some that do not.
    """
    problems = [f'{key} is missing' for key in own if key not in state and 'num_batches_tracked' not in key]
    problems += [f'{key} is unknown to the model' for key in state if key not in own]
    shared = [key for key in own if key in state]
    different = [key for key in shared if not _same_shape(own[key], state[key])]
    problems += [f'{key} has another shape' for key in different]
    matching = len(shared) - len(different)
    if own and (not matching or (strict and problems)):
        some = '; '.join(problems[:4]) + ('; …' if len(problems) > 4 else '')
        raise InputError(
            f'{name}: is a checkpoint of another model: {matching} of the {len(own)} keys of this one match '
            f'({some}); use the config it was trained with'
        )


def _same_shape(one: Any, other: Any) -> bool:
    return getattr(one, 'shape', None) == getattr(other, 'shape', None)
