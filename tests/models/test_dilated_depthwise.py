from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mmseg_ext.engine.runner import autocast
from mmseg_ext.engine.runner.autocast import autocast_for
from mmseg_ext.models.dilated_depthwise import dilated_depthwise_conv2d

MAPS = [(9, 7), (4, 4), (6, 13)]


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('dilation', [(1, 1), (2, 3), (4, 4), (12, 12)])
def test_it_is_conv2d_with_its_gradients(
    kernel: int, dilation: tuple[int, int], memory_format: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in MAPS:
        values = [
            torch.randn(size, generator=generator, dtype=torch.double)
            for size in ((2, 5, *shape), (5, 1, kernel, kernel), 5)
        ]
        values[0] = values[0].to(memory_format=memory_format)
        found, expected = ([value.clone().requires_grad_() for value in values] for _ in range(2))
        one = dilated_depthwise_conv2d(*found, dilation)
        padding = [step * (kernel // 2) for step in dilation]
        other = F.conv2d(*expected, padding=padding, dilation=dilation, groups=5)
        torch.testing.assert_close(one, other)
        weights = torch.randn(other.shape, generator=generator, dtype=torch.double)
        for result in (one, other):
            (result * weights).sum().backward()
        for value, reference in zip(found, expected, strict=True):
            torch.testing.assert_close(value.grad, reference.grad)


def test_autocast_takes_it_for_large_dilations_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def spy(*args: Any) -> torch.Tensor:
        calls.append(args[-1])
        return dilated_depthwise_conv2d(*args)

    monkeypatch.setattr(autocast, 'dilated_depthwise_conv2d', spy)
    x = torch.randn(1, 4, 9, 9)
    options: list[dict[str, Any]] = [
        {'dilation': 6, 'padding': 6},
        {'dilation': 2, 'padding': 2},
        {'dilation': 6, 'padding': 6, 'stride': 2},
        {'dilation': 6, 'padding': 7},
        {'dilation': 6, 'padding': 6, 'groups': 2},
        {'dilation': 6, 'padding': 6, 'padding_mode': 'reflect'},
    ]
    for option in options:
        layer = nn.Conv2d(4, 4, 3, **{'groups': 4, **option})
        for dtype in (None, torch.bfloat16):
            with torch.no_grad(), autocast_for(layer, dtype):
                result = layer(x)
            torch.testing.assert_close(result.float(), layer(x), rtol=2e-2, atol=2e-2)
    assert calls == [(6, 6)] * 2
