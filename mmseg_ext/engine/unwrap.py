"""The model inside its wrapper for several processes, and the wrappers of several optimizers."""

from __future__ import annotations

from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn


def unwrap_model(model: nn.Module) -> Any:
    """Return the model inside a ``DistributedDataParallel`` or another registered wrapper, or the model itself.

    >>> linear = nn.Linear(1, 1)
    >>> unwrap_model(nn.DataParallel(linear)) is unwrap_model(linear) is linear
    True
    """
    return model.module if is_model_wrapper(model) else model


def optim_wrappers(wrapper: OptimWrapper) -> list[OptimWrapper]:
    """List the wrappers of several optimizers, or the only one."""
    return list(wrapper.values()) if isinstance(wrapper, OptimWrapperDict) else [wrapper]
