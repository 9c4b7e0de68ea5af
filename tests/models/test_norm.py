from __future__ import annotations

import pytest
import torch
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.registry import init_default_scope
from torch import nn

from mmseg_ext.models.norm import BatchNorm


@pytest.mark.parametrize('shape', [(2, 4, 1, 1), (1, 4, 1, 2), (3, 4, 5, 2)])
@pytest.mark.parametrize('training', [True, False])
def test_it_is_torchs_layer(shape: tuple[int, ...], training: bool) -> None:
    torch.manual_seed(0)
    ours, torchs = BatchNorm(4).train(training), nn.BatchNorm2d(4).train(training)
    for _ in range(2):
        x = torch.randn(shape)
        torch.testing.assert_close(ours(x), torchs(x))
    assert {key: value.tolist() for key, value in ours.state_dict().items()} == {
        key: value.tolist() for key, value in torchs.state_dict().items()
    }


def test_a_single_value_a_channel_is_normalized_by_the_running_statistics() -> None:
    layer = BatchNorm(2, eps=0).train()
    layer.running_mean.copy_(torch.tensor([1.0, 2.0]))
    layer.running_var.copy_(torch.tensor([4.0, 1.0]))
    layer.weight.data = torch.tensor([10.0, 1.0])
    layer.bias.data = torch.tensor([0.5, 0.0])
    x = torch.tensor([5.0, 5.0], requires_grad=True)
    result = layer(x[None, :, None, None])
    assert result.flatten().tolist() == [20.5, 3.0]
    assert layer.running_mean.tolist() == [1.0, 2.0]
    assert int(layer.num_batches_tracked) == 0
    result.sum().backward()
    assert x.grad.tolist() == [5.0, 1.0]


def test_without_running_statistics_a_single_value_is_refused_as_by_torch() -> None:
    layer = BatchNorm(2, track_running_stats=False).train()
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        layer(torch.ones(1, 2, 1, 1))
    x = torch.randn(3, 2, 4, 4)
    torch.testing.assert_close(layer(x), nn.BatchNorm2d(2, track_running_stats=False)(x))


def test_configs_name_it_as_a_norm_layer() -> None:
    init_default_scope('mmseg')
    name, layer = build_norm_layer(dict(type='mmseg_ext.BatchNorm', requires_grad=True), 8)
    assert (name, type(layer)) == ('bn', BatchNorm)
    module = ConvModule(3, 8, 1, norm_cfg=dict(type='mmseg_ext.BatchNorm'))
    assert set(module.state_dict()) == set(ConvModule(3, 8, 1, norm_cfg=dict(type='BN')).state_dict())
    assert module.train()(torch.randn(1, 3, 1, 1)).shape == (1, 8, 1, 1)
