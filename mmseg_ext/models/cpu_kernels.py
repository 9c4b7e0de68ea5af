"""Faster implementations of some operations on the CPU, with the same results up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mmseg_ext.models.dilated_depthwise import dilated_depthwise_conv2d
from mmseg_ext.models.weight_gradient import conv2d_with_multiplied_gradient

# Sizes from which matrix products are about as fast as oneDNN's weight gradients of 3×3 kernels, or faster.
MIN_PIXELS, MIN_CHANNELS = 32 * 32, 64


class CpuKernels(TorchFunctionMode):
    """Context in which some operations use the fastest implementation on a CPU, with the same result up to rounding.

    - Depthwise convolutions run in float32, whatever autocast says: the gradients take two to seven times as long in
      channels-last bfloat16 (docs/adr/0012-depthwise-convolutions-in-float32.md).
    - Dilated depthwise convolutions that keep the size of their map have their own implementations
      (docs/adr/0020-dilated-depthwise-convolutions.md).
    - The weight gradients of other convolutions in float32 are matrix products if the processor has AVX2 and no
      more (docs/adr/0025-weight-gradients-as-matrix-products.md).
    - ``argmax`` over classes that lie far apart in memory is computed by ``max``, which processes whole rows at a time:
      0.8 instead of 6.9 ms for logits of 3×256×256.
      So is ``topk`` of one value, which mmseg uses to measure the accuracy of each step.
    - Without gradients, a bilinear resize to the size that a map already has is a copy of the map.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func` or its replacement."""
        options = kwargs or {}
        if (func is torch.Tensor.argmax or func is torch.argmax) and options.keys() <= {'dim', 'keepdim'}:
            return _argmax(*args, **options)
        if func is torch.Tensor.topk and args[1:] == (1,) and options.keys() == {'dim'}:
            return torch.max(args[0], options['dim'], keepdim=True)
        if func is F.interpolate:
            return _interpolate(*args, **options)
        if func is F.conv2d and len(args) >= 2:
            return _conv2d(args, options)
        return func(*args, **options)


def _argmax(input: torch.Tensor, dim: int | None = None, keepdim: bool = False) -> torch.Tensor:
    """Return ``torch.argmax(input, dim, keepdim)``: the first of equal values, or the first NaN."""
    if dim is None or not input.numel() or not input.dim() or input.stride(dim) == 1:
        return torch.argmax(input, dim, keepdim)
    return input.detach().max(dim, keepdim).indices


def _interpolate(input: torch.Tensor, size: Any = None, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Return ``F.interpolate(input, size, …)``, which mmseg calls for logits that already have the image's size."""
    is_same = isinstance(size, list | tuple) and tuple(size) == tuple(input.shape[2:]) and not torch.is_grad_enabled()
    if is_same and not args and kwargs.get('mode') == 'bilinear' and not kwargs.get('antialias'):
        return input.clone()
    return F.interpolate(input, size, *args, **kwargs)


def _conv2d(args: tuple, options: dict[str, Any]) -> torch.Tensor:
    """Return ``F.conv2d(*args, **options)``; ``nn.Conv2d`` passes seven arguments and no options."""
    x, weight = args[:2]
    keeps_size = not options and len(args) == 7 and _keeps_size(*args)
    if weight.shape[1] == 1 < x.shape[-3]:
        with torch.autocast('cpu', enabled=False):
            if keeps_size and weight.shape[0] == x.shape[1] == args[6] and min(args[5]) > 1:
                return dilated_depthwise_conv2d(x.float(), weight, args[2], args[5])
            return F.conv2d(x.float(), *args[1:], **options)
    if keeps_size and args[6] == 1 and max(args[5]) == 1 and _gains_from_products(x, weight):
        return conv2d_with_multiplied_gradient(x, weight, args[2])
    return F.conv2d(*args, **options)


def _keeps_size(
    x: torch.Tensor, weight: torch.Tensor, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> bool:
    """Return whether a convolution with the arguments that ``nn.Conv2d`` passes on keeps the size of its input."""
    return (
        x.dim() == 4
        and all(isinstance(option, tuple) for option in (stride, padding, dilation))
        and weight.shape[2] % 2 == weight.shape[3] % 2 == 1
        and tuple(stride) == (1, 1)
        and tuple(padding) == tuple(dilation[axis] * (weight.shape[2 + axis] // 2) for axis in (0, 1))
    )


def _gains_from_products(x: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        torch.backends.cpu.get_cpu_capability() == 'AVX2'
        and torch.is_grad_enabled()
        and weight.requires_grad
        and x.dtype is weight.dtype is torch.float32
        and not torch.is_autocast_enabled('cpu')
        and tuple(weight.shape[2:]) == (3, 3)
        and min(weight.shape[:2]) >= MIN_CHANNELS
        and x.shape[2:].numel() >= MIN_PIXELS
    )
