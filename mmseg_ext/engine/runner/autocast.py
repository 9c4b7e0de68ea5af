"""Mixed precision on the CPU and on GPUs: autocast, and an optimizer wrapper."""

from __future__ import annotations

import logging
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import nn

from mmseg_ext.engine.mmengine_internals import clip_gradients
from mmseg_ext.errors import InputError
from mmseg_ext.models.cpu_kernels import CpuKernels
from mmseg_ext.registry import OPTIM_WRAPPERS

NO_GAIN = 'this processor is no faster in bfloat16'
_DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


def autocast_dtype(name: str) -> torch.dtype:
    """Return the dtype for a name in a config.

    Raises:
        InputError: It is neither ``bfloat16`` nor ``float16``.

    >>> autocast_dtype('bfloat16')
    torch.bfloat16
    """
    if name not in _DTYPES:
        raise InputError(f'dtype={name!r}', 'unknown to autocast', "use 'bfloat16' or 'float16'")
    return _DTYPES[name]


@cache
def cpu_gains_from_bfloat16() -> bool:
    """Return whether this CPU computes faster in bfloat16 than in float32: with AMX, AVX-512 BF16 or Arm's BF16.

    Other CPUs emulate bfloat16, and a training step takes up to twenty times as long as in float32. The AVX-512
    BF16 of Intel's later processors, recognised by their AVX-512 FP16, multiplies at half the rate of float32; it is
    meant to be used with AMX, which virtual machines may lack (docs/adr/0019-bfloat16-where-the-cpu-has-it.md).
    """
    if platform.machine().lower() not in ('x86_64', 'amd64'):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # The oldest supported releases of torch have no such function.
    capabilities: Mapping[str, Any] = getattr(torch.cpu, 'get_capabilities', dict)()
    slow = capabilities.get('avx512_fp16', False)
    return bool(torch.cpu._is_amx_tile_supported() or (torch.cpu._is_avx512_bf16_supported() and not slow))


@cache
def _say_float32() -> None:
    print_log(f'{NO_GAIN}; using float32 instead, which is more exact', 'current', logging.WARNING)


@contextmanager
def autocast_for(model: nn.Module, dtype: torch.dtype | None) -> Iterator[None]:
    """Autocast on the device of the model's parameters; a dtype of None keeps float32.

    On the CPU, depthwise convolutions stay in float32 and some operations use faster kernels (`CpuKernels`).
    If `cpu_gains_from_bfloat16` is False, everything stays in float32.

    Raises:
        InputError: float16 on the CPU, whose kernels and gradients do not support it.
    """
    parameter = next(model.parameters(), None)
    device = 'cpu' if parameter is None else parameter.device.type
    if device == 'cpu' and dtype is torch.float16:
        raise InputError("`dtype='float16'`", 'needs a GPU', "use `dtype='bfloat16'` on the CPU")
    if device == 'cpu' and dtype is torch.bfloat16 and not cpu_gains_from_bfloat16():
        _say_float32()
        dtype = None
    enabled = dtype is not None
    kernels = CpuKernels() if device == 'cpu' else nullcontext()
    with torch.autocast(device, dtype=dtype or torch.bfloat16, enabled=enabled), kernels:
        yield


def _equal_groups(groups: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Collect the indices of parameter groups with equal options, in the order of the first of each."""
    indices: dict[tuple[tuple[str, str | int], ...], list[int]] = {}
    for index, group in enumerate(groups):
        # A tensor, such as a rate on the GPU, equals only itself.
        options = {
            key: id(value) if isinstance(value, torch.Tensor) else repr(value)
            for key, value in group.items()
            if key != 'params'
        }
        indices.setdefault(tuple(sorted(options.items())), []).append(index)
    return list(indices.values())


def _merge(groups: Sequence[dict[str, Any]], indices: Iterable[Sequence[int]]) -> list[dict[str, Any]]:
    """Join parameter groups; the options are those of the first."""
    return [
        {**groups[part[0]], 'params': [one for index in part for one in groups[index]['params']]} for part in indices
    ]


@OPTIM_WRAPPERS.register_module(name=['AutocastOptimWrapper', 'AmpOptimWrapper'])
class AutocastOptimWrapper(OptimWrapper):
    """Run the forward pass in half precision, on the CPU or on a GPU.

    mmengine's ``AmpOptimWrapper`` refuses the CPU, where bfloat16 halves the time of a step on many processors
    (`cpu_gains_from_bfloat16`; on others float32 is used). mmseg's ``train.py --amp`` knows only
    ``OptimWrapper`` and ``AmpOptimWrapper``; with ``_scope_='mmseg_ext'`` the latter name means this class. Gradients
    are scaled (Micikevicius et al., Mixed precision training, ICLR 2018) for float16 on a GPU; bfloat16 has the
    exponent range of float32 and needs no scaling.

    Parameter groups with equal options are merged: mmengine's ``paramwise_cfg`` makes a group for each parameter, and
    a step of AdamW then takes several times as long (docs/adr/0022-optimizer-steps.md).

    Args:
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or ``None`` for float32.
        loss_scale: ``'dynamic'``, or the initial scale. For float16 only.
        **kwargs: ``optimizer``, ``accumulative_counts``, ``clip_grad``, as in ``OptimWrapper``.

    Raises:
        InputError: An unknown dtype, or float16 without a GPU.
    """

    def __init__(self, dtype: str | None = 'bfloat16', loss_scale: str | float = 'dynamic', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dtype = None if dtype is None else autocast_dtype(dtype)
        if self.dtype is torch.float16 and not torch.cuda.is_available():
            raise InputError("`dtype='float16'`", 'needs a GPU', "use `dtype='bfloat16'` on the CPU")
        initial = 2.0**16 if loss_scale == 'dynamic' else float(loss_scale)
        self.loss_scaler = torch.amp.GradScaler('cuda', init_scale=initial, enabled=self.dtype is torch.float16)
        groups = self.optimizer.param_groups
        self._merged = _equal_groups(groups)
        groups[:] = _merge(groups, self._merged)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enable autocast, and block gradient synchronization between updates."""
        with super().optim_context(model), autocast_for(model, self.dtype):
            yield

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> None:
        """Back-propagate the (scaled) loss, a scalar."""
        super().backward(self.loss_scaler.scale(loss), **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Update the parameters, after unscaling and clipping the gradients."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            clip_gradients(self)
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state and, under ``loss_scaler``, the scaler's."""
        return {**super().state_dict(), 'loss_scaler': self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the result of this or another wrapper's `state_dict`; without a scaler state, keep the scaler's."""
        state = dict(state_dict)
        scaler_state = state.pop('loss_scaler', None)
        if len(state['param_groups']) == sum(map(len, self._merged)):  # from a wrapper that keeps them separate
            state['param_groups'] = _merge(state['param_groups'], self._merged)
        if scaler_state and self.loss_scaler.is_enabled():
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict(state)
