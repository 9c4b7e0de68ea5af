"""Bicubic resizing as a product of matrices."""

from __future__ import annotations

import torch
from torch import Tensor


def cubic_weights(source: int, target: int, step: Tensor, antialias: bool) -> Tensor:
    """The matrix (target, source) that resizes an axis as torch's bicubic interpolation does.

    `torch.nn.functional.interpolate` takes either a size or a step, and ONNX fixes the size where it is given a step.

    Args:
        source: Values before, at least 2.
        target: Values after.
        step: The distance of two values after, in values before; a scalar.
        antialias: Whether the kernel widens where the step is above 1, and is cut at the border. Without, the value at
            the border goes on beyond it. The kernel is that of Keys 1981, with a = −0.5 and without antialiasing −0.75.
    """
    outside = 0 if antialias else 2
    positions = torch.arange(-outside, source + outside, dtype=step.dtype, device=step.device) + 0.5
    centres = (torch.arange(target, dtype=step.dtype, device=step.device) + 0.5) * step
    distances = (centres[:, None] - positions).abs()
    if antialias:
        weights = _kernel(distances / step.clamp(min=1), -0.5)
        return weights / weights.sum(1, keepdim=True)
    first, inner, last = _kernel(distances, -0.75).split([outside + 1, source - 2, outside + 1], 1)
    return torch.cat([first.sum(1, keepdim=True), inner, last.sum(1, keepdim=True)], 1)


def _kernel(x: Tensor, a: float) -> Tensor:
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))
