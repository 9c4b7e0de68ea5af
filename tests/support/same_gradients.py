"""Comparison of two ways to compute the same operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def assert_same_with_gradients(
    one: Callable[..., Tensor],
    other: Callable[..., Tensor],
    shapes: Sequence[tuple[int, ...]],
    memory_format: torch.memory_format,
) -> None:
    """Assert that results and gradients agree in float64 on random inputs; the first one has the memory format."""
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(shape, generator=generator, dtype=torch.double) for shape in shapes]
    values[0] = values[0].to(memory_format=memory_format)
    inputs = [[value.clone().requires_grad_() for value in values] for _ in range(2)]
    results = [function(*given) for function, given in zip((one, other), inputs, strict=True)]
    torch.testing.assert_close(*results)
    weights = torch.randn(results[1].shape, generator=generator, dtype=torch.double)
    for result in results:
        (result * weights).sum().backward()
    for value, reference in zip(*inputs, strict=True):
        torch.testing.assert_close(value.grad, reference.grad)
