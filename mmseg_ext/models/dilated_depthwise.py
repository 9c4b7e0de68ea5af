"""Dilated depthwise convolution by shifted products or by phases, for the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

MIN_SHIFTED_DILATION = 6  # from which the shifted products are faster in both directions


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
    """Yield the row and column of each tap that touches the map, and the parts of `x` and `y` that it connects."""
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


def _by_phases(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: tuple[int, int]) -> Tensor:
    """Convolve each phase of the map, its every d-th row and column, as a separate map without dilation."""
    count, channels, height, width = x.shape
    down, right = dilation
    x = F.pad(x, (0, -width % right, 0, -height % down))
    rows, columns = x.shape[2] // down, x.shape[3] // right
    # The channels stay last in memory all the way.
    phases = x.permute(0, 2, 3, 1).reshape(count, rows, down, columns, right, channels).permute(0, 2, 4, 1, 3, 5)
    padding = [side // 2 for side in weight.shape[2:]]
    y = F.conv2d(phases.flatten(0, 2).permute(0, 3, 1, 2), weight, bias, padding=padding, groups=channels)
    y = y.permute(0, 2, 3, 1).unflatten(0, (count, down, right)).permute(0, 3, 1, 4, 2, 5)
    return y.reshape(count, *x.shape[2:], channels).permute(0, 3, 1, 2)[:, :, :height, :width]


def dilated_depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: tuple[int, int]) -> Tensor:
    """Convolve each channel with its own kernel; the map keeps its size.

    The result equals that of ``F.conv2d`` with ``padding = dilation * (k // 2)`` and ``groups = C``, up to rounding.
    With large dilations, each tap of the kernel is a product of the map with one number per channel, shifted by the
    dilation. Only the part of the map that stays within it is computed, and taps that never touch the map are left out:
    at a dilation of at least the map's side, only the middle one is left. Second derivatives are not available. Small
    dilations use ``F.conv2d``, whose gradients are slow; if gradients are needed, it runs on the phases of the map.

    Args:
        x: (N, C, H, W), float32.
        weight: (C, 1, k, k), k odd.
        bias: (C,), or None.
        dilation: Dilation of rows and columns.

    Returns:
        (N, C, H, W).

    >>> dilated_depthwise_conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3), None, (2, 2))
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    if min(dilation) >= MIN_SHIFTED_DILATION:
        y: Tensor = _ShiftedProducts.apply(x, weight, dilation)
        return y if bias is None else y + bias.view(1, -1, 1, 1)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return _by_phases(x, weight, bias, dilation)
    padding = [step * (side // 2) for step, side in zip(dilation, weight.shape[2:], strict=True)]
    return F.conv2d(x, weight, bias, padding=padding, dilation=dilation, groups=x.shape[1])
