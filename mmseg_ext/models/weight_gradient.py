"""Convolution whose weight gradient is a sum of matrix products, for CPUs with AVX2."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


class _MultipliedGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.bias_sizes = None if bias is None else list(bias.shape)
        return F.conv2d(x, weight, bias, padding=[side // 2 for side in weight.shape[2:]])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[0], False, ctx.needs_input_grad[2]]
        padding = [side // 2 for side in weight.shape[2:]]
        grad_x, _, grad_bias = torch.ops.aten.convolution_backward(
            grad, x, weight, ctx.bias_sizes, [1, 1], padding, [1, 1], False, [0, 0], 1, wanted
        )
        grad_weight = _weight_gradient(x, grad, weight.shape[2:]) if ctx.needs_input_grad[1] else None
        return grad_x, grad_weight, grad_bias


def _weight_gradient(x: Tensor, grad: Tensor, kernel: torch.Size) -> Tensor:
    """Return the gradient (C_out, C_in, k, k) of the weights.

    An image and its gradient are laid on canvases of equal width, whose rows follow each other without a gap. The
    pixels that a tap connects therefore lie at a constant distance, and one product of two slices of the canvases
    covers all of them.
    """
    height, width = x.shape[2:]
    above, left = (side // 2 for side in kernel)
    canvas = height + 2 * above, width + 2 * left
    source = x.new_zeros(*canvas, x.shape[1])
    target = grad.new_zeros(*canvas, grad.shape[1])
    rows, columns = source.flatten(0, 1), target.flatten(0, 1).t()
    total = x.new_zeros(*kernel, grad.shape[1], x.shape[1])
    for image, of_image in zip(x.permute(0, 2, 3, 1), grad.permute(0, 2, 3, 1), strict=True):
        source[above : above + height, left : left + width] = image
        target[:height, :width] = of_image
        for row in range(kernel[0]):
            for column in range(kernel[1]):
                distance = row * canvas[1] + column
                total[row, column].addmm_(columns[:, : len(rows) - distance], rows[distance:])
    return total.permute(2, 3, 0, 1)


def conv2d_with_multiplied_gradient(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve with stride 1 and the padding that keeps the size of the map.

    The result and the gradients equal those of ``F.conv2d`` with ``padding = k // 2``, up to rounding. Second
    derivatives are not available.

    Args:
        x: (N, C_in, H, W).
        weight: (C_out, C_in, k, k), k odd.
        bias: (C_out,), or None.

    Returns:
        (N, C_out, H, W).

    >>> weight = torch.ones(1, 1, 3, 3, requires_grad=True)
    >>> conv2d_with_multiplied_gradient(torch.ones(1, 1, 2, 2), weight, None).sum().backward()
    >>> weight.grad
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    y: Tensor = _MultipliedGradient.apply(x, weight, bias)
    return y
