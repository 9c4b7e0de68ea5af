from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from head_training import assert_the_loss_falls
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mmseg_ext.models.backbones.vgg import VGG
from mmseg_ext.models.decode_heads.fcn8s_head import FCN8sHead, LearnedUpsample

OUTPUTS = ('conv1', 'pool3', 'pool4', 'pool5')


def pair(**changes: Any) -> tuple[VGG, FCN8sHead]:
    torch.manual_seed(0)
    backbone = VGG(11, base_channels=4, outputs=OUTPUTS)
    arguments: dict[str, Any] = {'in_channels': (4, 16, 32, 32), 'channels': 24, 'num_classes': 3, 'dropout_ratio': 0}
    head = FCN8sHead(**{**arguments, **changes})
    backbone.init_weights()
    head.init_weights()
    return backbone, head


def test_the_first_upsampling_by_hand() -> None:
    upsample = LearnedUpsample(1, 2)
    assert (16 * upsample.weight[0, 0]).tolist() == [[1, 3, 3, 1], [3, 9, 9, 3], [3, 9, 9, 3], [1, 3, 3, 1]]
    row = upsample(torch.tensor([0.0, 4.0, 8.0]).expand(1, 1, 2, 3))[0, 0, 0]
    assert row.tolist() == [0, 1, 3, 5, 7, 8]


@given(st.sampled_from([2, 4, 8]), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3))
def test_upsampling_begins_as_bilinear_interpolation(factor: int, height: int, width: int, channels: int) -> None:
    x = torch.randn(2, channels, height, width)
    expected = F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)
    torch.testing.assert_close(LearnedUpsample(channels, factor)(x), expected)


@pytest.mark.parametrize('factor', [2, 8])
def test_what_the_poolings_rounded_off_continues_the_border(factor: int) -> None:
    x = torch.randn(1, 2, 3, 4)
    size = (4 * factor - 1, 5 * factor - 1)
    out = LearnedUpsample(2, factor)(x, size)
    assert out.shape == (1, 2, *size)
    continued = F.pad(x, (0, 1, 0, 1), mode='replicate')
    expected = F.interpolate(continued, scale_factor=factor, mode='bilinear', align_corners=False)
    torch.testing.assert_close(out, expected[:, :, : size[0], : size[1]])


def test_upsampling_learns_also_between_channels() -> None:
    upsample = LearnedUpsample(2, 2)
    upsample(torch.rand(1, 2, 3, 3))[:, 0].sum().backward()
    assert upsample.weight.grad is not None
    assert (upsample.weight.grad[:, 0] > 0).all()


@pytest.mark.parametrize('size', [(64, 64), (61, 75), (32, 47), (95, 39)])
def test_logits_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    backbone, head = pair()
    assert head(backbone(torch.rand(2, 3, *size))).shape == (2, 3, *size)


def test_it_is_the_sum_of_three_upsampled_scores() -> None:
    backbone, head = pair()
    conv1, pool3, pool4, pool5 = backbone.eval()(torch.rand(2, 3, 96, 64))

    def grown(x: Tensor, factor: int) -> Tensor:
        return F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)

    fc6 = F.conv2d(pool5, head.fc6.weight, head.fc6.bias, padding=3).clamp(min=0)
    fc7 = F.conv2d(fc6, head.fc7.weight, head.fc7.bias).clamp(min=0)
    scores = head.score_pool4(pool4) + grown(head.conv_seg(fc7), 2)
    expected = grown(head.score_pool3(pool3) + grown(scores, 2), 8)
    torch.testing.assert_close(head.eval()((conv1, pool3, pool4, pool5)), expected)
    assert expected.std() > 1e-4


def test_every_map_takes_part_but_of_conv1_only_the_size() -> None:
    backbone, head = pair()
    features = list(backbone(torch.rand(1, 3, 64, 64)))
    logits = head.eval()(features)
    for index in range(4):
        changed = [*features]
        changed[index] = features[index] + 1
        assert ((head(changed) - logits).abs().max() > 1e-4) == (index > 0)


def test_fcn8s_has_the_published_number_of_parameters() -> None:
    """134.5 million for the 21 classes of Pascal VOC: the layers of the authors' voc-fcn8s, counted by hand."""
    with torch.device('meta'):
        modules = VGG(16, outputs=OUTPUTS), FCN8sHead(num_classes=21)
    fc6, fc7 = 512 * 49 * 4096 + 4096, 4096 * 4096 + 4096
    scores = 21 * (4096 + 1) + 21 * (512 + 1) + 21 * (256 + 1)
    upsampling = 2 * 21 * 21 * 4 * 4 + 21 * 21 * 16 * 16
    count = sum(parameter.numel() for module in modules for parameter in module.parameters())
    assert count == 14_714_688 + fc6 + fc7 + scores + upsampling == 134_489_759


def test_dropout_acts_after_fc6_and_after_fc7() -> None:
    backbone, head = pair(dropout_ratio=0.5)
    features = backbone(torch.rand(1, 3, 64, 64))
    seen: list[int] = []
    assert head.dropout is not None
    head.dropout.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[1]))
    assert not torch.equal(head.train()(features), head(features))
    assert seen == [24] * 4
    assert torch.equal(head.eval()(features), head(features))


def test_the_loss_falls_and_gradients_reach_every_parameter() -> None:
    assert_the_loss_falls(*pair(), lr=0.01, steps=20)


def test_initialisation_is_hes_with_small_scores_and_leaves_the_upsampling_bilinear() -> None:
    _, head = pair(channels=256)
    expected = (2 / (32 * 49)) ** 0.5
    assert head.fc6.weight.std().item() == pytest.approx(expected, rel=0.05)
    assert head.fc7.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.05)
    for layer in (head.conv_seg, head.score_pool4, head.score_pool3):
        assert 0 < layer.weight.abs().max() < 0.006
        assert not layer.bias.any()
    torch.testing.assert_close(head.upsample_pool3.weight, LearnedUpsample(3, 8).weight)
