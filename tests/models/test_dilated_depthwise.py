from __future__ import annotations

from functools import partial

import pytest
import torch
from same_gradients import assert_same_with_gradients
from torch.nn import functional as F

from mmseg_ext.models.dilated_depthwise import dilated_depthwise_conv2d

MAPS = [(9, 7), (4, 4), (6, 13)]


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('dilation', [(1, 1), (2, 3), (4, 4), (12, 12)])
def test_it_is_conv2d_with_its_gradients(
    kernel: int, dilation: tuple[int, int], memory_format: torch.memory_format
) -> None:
    padding = [step * (kernel // 2) for step in dilation]
    for shape in MAPS:
        assert_same_with_gradients(
            partial(dilated_depthwise_conv2d, dilation=dilation),
            partial(F.conv2d, padding=padding, dilation=dilation, groups=5),
            [(2, 5, *shape), (5, 1, kernel, kernel), (5,)],
            memory_format,
        )


def test_the_map_stays_channels_last_and_equal_without_gradients() -> None:
    x = torch.randn(2, 5, 9, 7).to(memory_format=torch.channels_last)
    weight = torch.randn(5, 1, 3, 3, requires_grad=True)
    y = dilated_depthwise_conv2d(x, weight, None, (2, 2))
    assert y.requires_grad
    assert y.stride(1) == 1
    with torch.no_grad():
        torch.testing.assert_close(dilated_depthwise_conv2d(x, weight, None, (2, 2)), y)
