"""Each block against its paper's equations in float64 numpy, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import correlate
from torch import nn

from mmseg_ext.models.attention import CBAM, SCSE, SE

Array = NDArray[np.float64]
BLOCKS = [SE, CBAM, SCSE]
every_block = pytest.mark.parametrize('block', BLOCKS, ids=lambda block: block.__name__)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def matrix(conv: nn.Module) -> Array:
    """The weights (out, in) of a 1×1 convolution without bias."""
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is None
    return conv.weight.detach().double().numpy()[:, :, 0, 0]


def bottleneck(layers: nn.Sequential, z: Array) -> Array:
    return np.maximum(z @ matrix(layers[0]).T, 0) @ matrix(layers[2]).T


def se(block: SE, x: Array) -> Array:
    return x * sigmoid(bottleneck(block.excitation, x.mean((2, 3))))[:, :, None, None]


def cbam(block: CBAM, x: Array) -> Array:
    z = bottleneck(block.excitation, x.mean((2, 3))) + bottleneck(block.excitation, x.max((2, 3)))
    x = x * sigmoid(z)[:, :, None, None]
    kernel = block.spatial.weight.detach().double().numpy()[0]
    pairs = np.stack([x.mean(1), x.max(1)], 1)
    places = np.stack(
        [sum(correlate(plane, k, mode='same') for plane, k in zip(pair, kernel, strict=True)) for pair in pairs]
    )
    return x * sigmoid(places)[:, None]


def scse(block: SCSE, x: Array) -> Array:
    return se(block.channel, x) + x * sigmoid(np.einsum('oc,nchw->nohw', matrix(block.spatial), x))


@pytest.mark.parametrize(
    ('block', 'reference', 'arguments'),
    [(SE, se, {}), (CBAM, cbam, {}), (SCSE, scse, {}), (SE, se, {'reduction': 5}), (CBAM, cbam, {'kernel_size': 3})],
)
@pytest.mark.parametrize('shape', [(2, 32, 9, 11), (1, 17, 1, 1), (3, 16, 7, 4)])
def test_the_equations(block: Any, reference: Any, arguments: dict, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net = block(shape[1], **arguments)
    for parameter in net.parameters():  # large ones: at the usual ones every weight is about ½
        nn.init.normal_(parameter)
    x = torch.randn(shape)
    with torch.no_grad():
        result = net(x)
    assert result.shape == shape
    np.testing.assert_allclose(result.numpy(), reference(net, x.double().numpy()), rtol=2e-4, atol=1e-5)


def fill(conv: nn.Module, values: list[list[float]]) -> None:
    conv.weight.data = torch.tensor(values)[:, :, None, None]  # type: ignore[union-attr]


LN3 = float(np.log(3))  # σ(ln 3) = 3/4, σ(-ln 3) = 1/4, σ(0) = 1/2


def test_squeeze_and_excitation_by_hand() -> None:
    """Means 1 and 2; the bottleneck gives ReLU(2 - 1) = 1 and from it the weights σ(ln 3) and σ(-ln 3)."""
    block = SE(2, reduction=2)
    fill(block.excitation[0], [[-1.0, 1.0]])
    fill(block.excitation[2], [[LN3], [-LN3]])
    x = torch.tensor([[[[0.0, 2.0]], [[4.0, 0.0]]]])
    torch.testing.assert_close(block(x), torch.tensor([[[[0.0, 1.5]], [[1.0, 0.0]]]]))
    torch.testing.assert_close(block(-x), -x / 2)  # the bottleneck gives ReLU(-1) = 0


def test_cbam_by_hand() -> None:
    """Mean 1 and maximum 2 sum to 3, σ(ln 3) = 3/4: x becomes 0, 3/2, 3/4 and the places get 0, ln 3, ln 3 / 2."""
    block = CBAM(1, reduction=1, kernel_size=1)
    fill(block.excitation[0], [[1.0]])
    fill(block.excitation[2], [[LN3 / 3]])
    fill(block.spatial, [[LN3 / 1.5, 0.0]])
    x = torch.tensor([[[[0.0, 2.0, 1.0]]]])
    places = [1 / 2, 3 / 4, 1 / (1 + 3**-0.5)]  # σ of 0, ln 3, ln 3 / 2
    torch.testing.assert_close(block(x), torch.tensor([[[[0.0, 1.5 * places[1], 0.75 * places[2]]]]]))
    fill(block.spatial, [[0.0, LN3 / 1.5]])  # of one channel the maximum is the mean
    torch.testing.assert_close(block(x), torch.tensor([[[[0.0, 1.5 * places[1], 0.75 * places[2]]]]]))


def test_cbam_sees_seven_places_wide() -> None:
    block = CBAM(1, reduction=1)
    nn.init.ones_(block.spatial.weight)
    nn.init.zeros_(block.excitation[2].weight)
    x = torch.ones(1, 1, 1, 15)
    x[..., 7] = 2
    changed = (block(x) - block(torch.ones_like(x)))[0, 0, 0].abs() > 1e-7
    assert changed.nonzero().flatten().tolist() == list(range(4, 11))


def test_scse_by_hand() -> None:
    """Zero weights halve both ways, and the halves add up; a spatial weight of ln 3 gives 3/4 where x is 1."""
    block = SCSE(2)
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x = torch.tensor([[[[0.0, 1.0]], [[4.0, -2.0]]]])
    torch.testing.assert_close(block(x), x)
    fill(block.spatial, [[LN3, 0.0]])
    torch.testing.assert_close(block(x), torch.tensor([[[[0.0, 1.25]], [[4.0, -2.5]]]]))


@pytest.mark.parametrize(('channels', 'reduction'), [(64, 16), (128, 2), (30, 7)])
def test_parameter_counts(channels: int, reduction: int) -> None:
    """2 · C · (C // r) for the bottleneck; 2 · 7² and C for the places."""
    pair = 2 * channels * (channels // reduction)
    for block, expected in ((SE, pair), (CBAM, pair + 98), (SCSE, pair + channels)):
        assert sum(parameter.numel() for parameter in block(channels, reduction).parameters()) == expected
    defaults = [block(128).state_dict() for block in BLOCKS]
    assert [len(next(iter(state.values()))) for state in defaults] == [8, 8, 64]  # r = 16, 16, 2


@every_block
@pytest.mark.parametrize('reduction', [9, 0, -1])
def test_a_reduction_that_leaves_nothing_is_refused(block: Any, reduction: int) -> None:
    with pytest.raises(ValueError, match=f'reduction={reduction} is not between 1 and the 8 channels'):
        block(8, reduction)
    block(8, 8)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match='kernel_size=4 has no centre'):
        CBAM(16, kernel_size=4)


@every_block
def test_gradients_bf16_channels_last_and_a_batch_of_one(block: Any) -> None:
    torch.manual_seed(0)
    net, x = block(32).train(), torch.randn(1, 32, 5, 7)
    plain = net(x)
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(net(last), plain)
    assert net(last).is_contiguous(memory_format=torch.channels_last)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(net(x).float(), plain, rtol=0.03, atol=0.03)
    plain.square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@every_block
def test_an_image_does_not_see_its_batch(block: Any) -> None:
    torch.manual_seed(0)
    net, x = block(16), torch.randn(3, 16, 4, 6)
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]))
