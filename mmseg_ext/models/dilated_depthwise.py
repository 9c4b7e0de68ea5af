"""Depthwise convolution of large dilation as a sum of shifted products, for the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _ShiftedProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, dilation: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.dilation = dilation
        return _correlate(x, weight, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        grad_x = _correlate(grad, weight.flip(2, 3), ctx.dilation) if ctx.needs_input_grad[0] else None
        grad_weight = None
        if ctx.needs_input_grad[1]:
            grad_weight = torch.zeros_like(weight)
            for row, column, source, target in _taps(x, grad, weight.shape[2:], ctx.dilation):
                grad_weight[:, 0, row, column] = (source * target).sum((0, 2, 3))
        return grad_x, grad_weight, None


def _correlate(x: Tensor, weight: Tensor, dilation: tuple[int, int]) -> Tensor:
    y = torch.zeros_like(x)
    for row, column, source, target in _taps(x, y, weight.shape[2:], dilation):
        target.addcmul_(source, weight[:, 0, row, column].view(1, -1, 1, 1))
    return y


def _taps(
    x: Tensor, y: Tensor, kernel: torch.Size, dilation: tuple[int, int]
) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """Yield row and column of each tap that touches the map, and the parts of `x` and `y` that it connects."""
    height, width = x.shape[2:]
    for row in range(kernel[0]):
        down = (row - kernel[0] // 2) * dilation[0]
        for column in range(kernel[1]):
            right = (column - kernel[1] // 2) * dilation[1]
            if abs(down) >= height or abs(right) >= width:
                continue
            source = x[:, :, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
            target = y[:, :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
            yield row, column, source, target


def dilated_depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: tuple[int, int]) -> Tensor:
    """Convolve each channel with its own kernel; the map keeps its size.

    A tap of the kernel is a product of the map with one number a channel, shifted by the dilation. Only the part of the
    map that stays within it is computed, and taps that never touch the map are left out: at a dilation of at least the
    map's side only the middle one is left. The result is that of ``F.conv2d`` with ``padding = dilation * (k // 2)``
    and ``groups = C``, to rounding.

    Args:
        x: (N, C, H, W), float32.
        weight: (C, 1, k, k), k odd.
        bias: (C,), or None.
        dilation: Of rows and columns.

    Returns:
        (N, C, H, W).

    >>> dilated_depthwise_conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3), None, (2, 2))
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    y: Tensor = _ShiftedProducts.apply(x, weight, dilation)
    return y if bias is None else y + bias.view(1, -1, 1, 1)
