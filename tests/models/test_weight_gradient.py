from __future__ import annotations

from functools import partial

import pytest
import torch
from same_gradients import assert_same_with_gradients
from torch.nn import functional as F

from mmseg_ext.models import weight_gradient
from mmseg_ext.models.weight_gradient import conv2d_with_multiplied_gradient


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(('kernel', 'has_bias'), [((3, 3), True), ((5, 3), False), ((1, 7), True)])
def test_it_is_conv2d_with_its_gradients(
    kernel: tuple[int, int], has_bias: bool, memory_format: torch.memory_format
) -> None:
    padding = [side // 2 for side in kernel]
    for shape in [(9, 7), (2, 2), (1, 5)]:
        assert_same_with_gradients(
            lambda x, weight, bias=None: conv2d_with_multiplied_gradient(x, weight, bias),
            partial(F.conv2d, padding=padding),
            [(3, 4, *shape), (6, 4, *kernel), (6,)][: 2 + has_bias],
            memory_format,
        )


def test_only_the_gradients_asked_for_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(1, 2, 4, 4), torch.randn(3, 2, 3, 3, requires_grad=True)
    conv2d_with_multiplied_gradient(x, weight, None).sum().backward()
    assert x.grad is None
    assert weight.grad is not None
    x.requires_grad_()
    monkeypatch.setattr(weight_gradient, '_weight_gradient', None)
    conv2d_with_multiplied_gradient(x, weight.detach(), None).sum().backward()
    assert x.grad is not None
