"""Check of a training's state for finite numbers, so that it may be saved."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import torch

from mmseg_ext.engine.checkpoints.files import last_checkpoint
from mmseg_ext.engine.unwrap import unwrap_model


def lost_tensors(state: Mapping[str, Any], parameters: Collection[str]) -> list[str]:
    """List the tensors of a model's state that no training can restore.

    Args:
        state: Name → tensor.
        parameters: Names of the parameters, which must be finite; a buffer may hold infinity (masks), but no NaN.

    >>> lost_tensors({'w': torch.tensor([float('inf')]), 'mask': torch.tensor([float('inf')])}, {'w'})
    ['w']
    """
    lost = []
    for name, value in state.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            bad = ~torch.isfinite(value) if name in parameters else torch.isnan(value)
            lost += [name] if bad.any() else []
    return lost


def lost_in(model: torch.nn.Module) -> list[str]:
    """List the tensors of a model, which may be wrapped, that no training can restore."""
    bare = unwrap_model(model)
    return lost_tensors(bare.state_dict(), dict(bare.named_parameters()))


def why_unsound(runner: Any) -> str:
    """Return why the state of a training must not be saved; empty if it may be.

    The loss of the last step counts, unless the training skips the updates of such steps.
    """
    history = runner.message_hub.log_scalars.get('train/loss')
    loss = 0.0 if history is None or not len(history.data[0]) else float(history.current())
    skips = any(getattr(hook, 'skip_nonfinite', False) for hook in runner.hooks)
    if not (math.isfinite(loss) or skips):
        return f'the loss is {loss}'
    lost = lost_in(runner.model)
    return f'{lost[0]} is not finite' if lost else ''


def last_sound(work_dir: str) -> str:
    """Return a clause that names the newest checkpoint of a run; an unsound state is never saved."""
    path = last_checkpoint(work_dir)
    return f'the last sound checkpoint is {path.name}' if path else 'there is no checkpoint yet'
