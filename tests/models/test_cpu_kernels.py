from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from mmseg_ext.engine.runner import autocast
from mmseg_ext.engine.runner.autocast import autocast_for
from mmseg_ext.models import cpu_kernels


@pytest.fixture(autouse=True)
def _a_cpu_with_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autocast, 'cpu_gains_from_bfloat16', lambda: True)


def record(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple]:
    """Arguments of the calls of a kernel, which go through to it."""
    kernel, calls = getattr(cpu_kernels, name), []

    def spy(*args: Any) -> torch.Tensor:
        calls.append(args)
        result: torch.Tensor = kernel(*args)
        return result

    monkeypatch.setattr(cpu_kernels, name, spy)
    return calls


class Seen(TorchFunctionMode):
    """Names of the functions that kernels within this context call: what takes the place of others, or they."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names, self.called = names, []

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        self.called += [name for name in self.names if name == func.__name__]
        return func(*args, **(kwargs or {}))


def test_dilated_depthwise_convolutions_that_keep_the_size_of_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = record(monkeypatch, 'dilated_depthwise_conv2d')
    x = torch.randn(1, 4, 9, 9)
    options: list[dict[str, Any]] = [
        {'dilation': 6, 'padding': 6},
        {'dilation': 2, 'padding': 2},
        {'padding': 1},
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
    assert [call[-1] for call in calls] == [(6, 6)] * 2 + [(2, 2)] * 2


@pytest.mark.parametrize('capability', ['AVX2', 'AVX512'])
def test_weight_gradients_of_large_convolutions_in_float32(monkeypatch: pytest.MonkeyPatch, capability: str) -> None:
    monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability', lambda: capability)
    calls = record(monkeypatch, 'conv2d_with_multiplied_gradient')
    large = nn.Conv2d(64, 64, 3, padding=1)
    layers: list[tuple[nn.Conv2d, int]] = [
        (large, 32),
        (large, 31),
        (nn.Conv2d(64, 64, 1), 32),
        (nn.Conv2d(64, 32, 3, padding=1), 32),
        (nn.Conv2d(64, 64, 3, padding=1, stride=2), 64),
        (nn.Conv2d(64, 64, 3, padding=2, dilation=2), 32),
        (nn.Conv2d(64, 64, 3, padding=1).requires_grad_(False), 32),
    ]
    for layer, side in layers:
        x = torch.randn(1, 64, side, side, requires_grad=True)
        with autocast_for(layer, None):
            layer(x).sum().backward()
    with torch.no_grad(), autocast_for(large, None):
        large(torch.randn(1, 64, 32, 32))
    with torch.autocast('cpu', torch.bfloat16), cpu_kernels.CpuKernels():
        large(torch.randn(1, 64, 32, 32))
    assert [call[1] is large.weight for call in calls] == [True] * (capability == 'AVX2')


def test_depthwise_convolutions_stay_in_float32_on_the_cpu() -> None:
    """They and their gradients are exact where bfloat16 is off by 1e-3; other convolutions are in bfloat16."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(8, 8, 5, padding=2, groups=8), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 1, groups=2))
    images = torch.randn(2, 8, 9, 9)
    with autocast_for(model, torch.bfloat16):
        depthwise = model[0](images)
        pointwise = model[1](depthwise)
        grouped = model[2](pointwise)
    exact = copy.deepcopy(model[0]).double()
    expected = exact(images.double())
    depthwise.square().sum().backward(retain_graph=True)
    expected.square().sum().backward()
    torch.testing.assert_close(depthwise.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(model[0].weight.grad.double(), exact.weight.grad, rtol=1e-5, atol=1e-4)
    assert (depthwise.dtype, pointwise.dtype, grouped.dtype) == (torch.float32, torch.bfloat16, torch.bfloat16)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_argmax_takes_the_first_of_equal_values_and_the_first_nan(
    dtype: torch.dtype, layout: torch.memory_format
) -> None:
    logits = torch.randint(-2, 3, (2, 5, 16, 16), generator=torch.Generator().manual_seed(0)).to(dtype)
    logits[:, 1:3, 0] = torch.nan
    logits = logits.contiguous(memory_format=layout)
    for dim in (0, 1, -1):
        kernel = 'argmax' if logits.stride(dim) == 1 else 'max'
        for keepdim in (False, True):
            expected = logits.argmax(dim, keepdim)
            with Seen('argmax', 'max') as seen, autocast_for(nn.Identity(), None):
                assert torch.equal(logits.argmax(dim=dim, keepdim=keepdim), expected)
                assert torch.equal(torch.argmax(logits, dim, keepdim), expected)
            assert seen.called == [kernel] * 2
    with autocast_for(nn.Identity(), None):
        assert logits.argmax() == torch.tensor(1 * 256)
        assert torch.tensor(3.0).argmax(0) == 0
        assert torch.empty(0, 3).argmax(1).shape == (0,)


@pytest.mark.parametrize('align', [False, True])
@pytest.mark.parametrize('size', [(6, 7), (9, 7)])
def test_a_resize_to_the_same_size_is_exact_and_a_copy(size: tuple[int, int], align: bool) -> None:
    image = torch.randn(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    expected = nn.functional.interpolate(image, size, mode='bilinear', align_corners=align)
    with torch.no_grad(), Seen('clone', 'interpolate') as seen, autocast_for(nn.Identity(), None):
        found = nn.functional.interpolate(image, size=size, mode='bilinear', align_corners=align)
        other = nn.functional.interpolate(image, size, None, 'bilinear', align)
    assert seen.called == ['clone' if size == image.shape[2:] else 'interpolate'] * 2
    for one in (found, other):
        torch.testing.assert_close(one, expected, rtol=0, atol=0)
        assert one.data_ptr() != image.data_ptr()
    weight = image.clone().requires_grad_()
    with autocast_for(nn.Identity(), None):
        nn.functional.interpolate(weight, size=size, mode='bilinear', align_corners=align).sum().backward()
    assert weight.grad is not None


def test_topk_of_one_value() -> None:
    logits = torch.randn(2, 5, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    expected = logits.topk(1, dim=1), logits.topk(2, dim=1)
    with Seen('max', 'topk') as seen, autocast_for(nn.Identity(), None):
        found = logits.topk(1, dim=1), logits.topk(2, dim=1)
    assert seen.called == ['max', 'topk']
    assert found[0].values.requires_grad
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_calls_that_modules_do_not_make_go_through() -> None:
    x, weight = torch.randn(1, 2, 5, 5), torch.randn(2, 2, 3, 3)
    expected = nn.functional.conv2d(x, weight, padding=1)
    with autocast_for(nn.Identity(), None):
        torch.testing.assert_close(nn.functional.conv2d(x, weight, None, 1, 1, 1, 1), expected)
        torch.testing.assert_close(nn.functional.conv2d(x, weight, None, (1, 1), 1, (1, 1), 1), expected)
        assert torch.equal(x.argmax(axis=1), x.argmax(dim=1))
