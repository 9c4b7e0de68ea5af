"""Mixed precision on the CPU and on GPUs: autocast, and an optimizer wrapper."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mmseg_ext.engine.mmengine_internals import clip_gradients
from mmseg_ext.errors import InputError
from mmseg_ext.models.dilated_depthwise import dilated_depthwise_conv2d
from mmseg_ext.registry import OPTIM_WRAPPERS

NO_GAIN = 'this processor is no faster in bfloat16'
MIN_SHIFTED_DILATION = 6  # from where the shifted products are faster in both directions
_DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


def autocast_dtype(name: str) -> torch.dtype:
    """Return the dtype of a name in a config.

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

    Elsewhere bfloat16 is emulated, and a training step takes up to twenty times as long as in float32. The AVX-512
    BF16 of Intel's later processors, told by their AVX-512 FP16, multiplies at half the rate of float32; it is meant
    to be used with AMX, which virtual machines may lack (docs/adr/0019-bfloat16-where-the-cpu-has-it.md).
    """
    if platform.machine().lower() not in ('x86_64', 'amd64'):
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    # The first releases of torch that are supported have no such function.
    capabilities: Mapping[str, Any] = getattr(torch.cpu, 'get_capabilities', dict)()
    slow = capabilities.get('avx512_fp16', False)
    return bool(torch.cpu._is_amx_tile_supported() or (torch.cpu._is_avx512_bf16_supported() and not slow))


@cache
def _say_float32() -> None:
    print_log(f'{NO_GAIN}; float32 is used instead, which is more exact', 'current', logging.WARNING)


@contextmanager
def autocast_for(model: nn.Module, dtype: torch.dtype | None) -> Iterator[None]:
    """Autocast on the device that the model's parameters are on; a dtype of None leaves float32.

    On the CPU depthwise convolutions stay in float32 and dilated ones take a kernel of their own (`CpuKernels`);
    everything is in float32 where `cpu_gains_from_bfloat16` says no.

    Raises:
        InputError: float16 on the CPU, whose kernels and gradients do not carry it.
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


class CpuKernels(TorchFunctionMode):
    """Context in which some operations take the fastest way on a CPU, with the same result but for rounding.

    Depthwise convolutions run in float32, whatever autocast says: the gradients take two to seven times as long in
    channels-last bfloat16 (docs/adr/0012-depthwise-convolutions-in-float32.md). Those of a dilation of at least
    `MIN_SHIFTED_DILATION` that keep the size of their map are sums of shifted products
    (docs/adr/0020-dilated-depthwise-convolutions.md). ``argmax`` over classes that lie far apart in memory is taken by
    ``max``, which computes whole rows at a time: 0.8 instead of 6.9 ms for logits of 3×256×256. Without gradients, a
    bilinear resize to the size that a map already has is a copy of it.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func`, or what takes its place."""
        options = kwargs or {}
        if func is torch.Tensor.argmax or func is torch.argmax:
            return _argmax(*args, **options)
        if func is F.interpolate:
            return _interpolate(*args, **options)
        if func is not F.conv2d or len(args) < 2 or not args[1].shape[1] == 1 < args[0].shape[-3]:
            return func(*args, **options)
        with torch.autocast('cpu', enabled=False):
            if not options and len(args) == 7 and _is_shifted(*args):
                x, weight, bias, _, _, dilation, _ = args
                return dilated_depthwise_conv2d(x.float(), weight, bias, dilation)
            return func(args[0].float(), *args[1:], **options)


def _argmax(input: torch.Tensor, dim: int | None = None, keepdim: bool = False) -> torch.Tensor:
    """Return ``torch.argmax(input, dim, keepdim)``: of equal values the first, of NaN the first."""
    if dim is None or not input.numel() or not input.dim() or input.stride(dim) == 1:
        return torch.argmax(input, dim, keepdim)
    return input.detach().max(dim, keepdim).indices


def _interpolate(input: torch.Tensor, size: Any = None, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return ``F.interpolate(input, size, …)``, which mmseg calls for logits that have the image's size already."""
    is_same = isinstance(size, list | tuple) and tuple(size) == tuple(input.shape[2:]) and not torch.is_grad_enabled()
    if is_same and not args and kwargs.get('mode') == 'bilinear' and not kwargs.get('antialias'):
        return input.clone()
    return F.interpolate(input, size, *args, **kwargs)


def _is_shifted(
    x: torch.Tensor, weight: torch.Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    """Whether a depthwise convolution, with the arguments that ``nn.Conv2d`` passes on, is of the kind described."""
    same = tuple(dilation[axis] * (weight.shape[2 + axis] // 2) for axis in (0, 1)) if len(dilation) == 2 else None
    return (
        x.dim() == 4
        and weight.shape[0] == x.shape[1] == groups
        and weight.shape[2] % 2 == weight.shape[3] % 2 == 1
        and tuple(stride) == (1, 1)
        and tuple(padding) == same
        and min(dilation) >= MIN_SHIFTED_DILATION
    )


def _equal_groups(groups: Sequence[dict[str, Any]]) -> list[list[int]]:
    """List the indices of the parameter groups by equal options, in the order of their first."""
    indices: dict[tuple[tuple[str, str | int], ...], list[int]] = {}
    for index, group in enumerate(groups):
        # A tensor, such as a rate on the GPU, is equal to itself alone.
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
    (`cpu_gains_from_bfloat16`; on others float32 is used). mmseg's ``train.py --amp`` knows no wrapper but
    ``OptimWrapper`` and ``AmpOptimWrapper``, and with ``_scope_='mmseg_ext'`` the latter name is this class. Gradients
    are scaled (Micikevicius et al., Mixed precision training, ICLR 2018) for float16 on a GPU; bfloat16 has the
    exponent range of float32 and needs no scaling.

    Parameter groups with equal options become one: mmengine's ``paramwise_cfg`` makes a group of each parameter, and
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
        """The optimizer's state and, under ``loss_scaler``, the scaler's."""
        return {**super().state_dict(), 'loss_scaler': self.loss_scaler.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` or another wrapper's returned; a missing scaler state leaves the scaler as it is."""
        state = dict(state_dict)
        scaler_state = state.pop('loss_scaler', None)
        if len(state['param_groups']) == sum(map(len, self._merged)):  # of a wrapper that leaves them apart
            state['param_groups'] = _merge(state['param_groups'], self._merged)
        if scaler_state and self.loss_scaler.is_enabled():
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict(state)
