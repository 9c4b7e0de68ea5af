from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mmseg_ext.models import weight_gradient
from mmseg_ext.models.weight_gradient import conv2d_with_multiplied_gradient


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(('kernel', 'has_bias'), [((3, 3), True), ((5, 3), False), ((1, 7), True)])
def test_it_is_conv2d_with_its_gradients(
    kernel: tuple[int, int], has_bias: bool, memory_format: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in [(9, 7), (2, 2), (1, 5)]:
        values = [
            torch.randn(size, generator=generator, dtype=torch.double)
            for size in ((3, 4, *shape), (6, 4, *kernel), (6,))
        ]
        values[0] = values[0].to(memory_format=memory_format)
        found, expected = ([value.clone().requires_grad_() for value in values[: 2 + has_bias]] for _ in range(2))
        one = conv2d_with_multiplied_gradient(*found, *[None] * (not has_bias))  # type: ignore[call-arg]
        other = F.conv2d(*expected, padding=[side // 2 for side in kernel])
        torch.testing.assert_close(one, other)
        weights = torch.randn(other.shape, generator=generator, dtype=torch.double)
        for result in (one, other):
            (result * weights).sum().backward()
        for value, reference in zip(found, expected, strict=True):
            torch.testing.assert_close(value.grad, reference.grad)


def test_only_the_gradients_asked_for_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(1, 2, 4, 4), torch.randn(3, 2, 3, 3, requires_grad=True)
    conv2d_with_multiplied_gradient(x, weight, None).sum().backward()
    assert x.grad is None
    assert weight.grad is not None
    x.requires_grad_()
    monkeypatch.setattr(weight_gradient, '_weight_gradient', None)
    conv2d_with_multiplied_gradient(x, weight.detach(), None).sum().backward()
    assert x.grad is not None
