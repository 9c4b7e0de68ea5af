from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from head_training import assert_the_loss_falls

from mmseg_ext.models.backbones.vgg import VGG
from mmseg_ext.models.decode_heads.ternausnet_head import TernausNetHead, Upsample

OUTPUTS = ('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'pool5')
SMALL: dict[str, Any] = {
    'in_channels': (4, 8, 16, 32, 32, 32),
    'conv_channels': (20, 18, 16, 14, 12),
    'up_channels': (10, 9, 8, 7, 6),
    'channels': 5,
    'num_classes': 3,
}


def pair(**changes: Any) -> tuple[VGG, TernausNetHead]:
    torch.manual_seed(0)
    backbone, head = VGG(11, base_channels=4, outputs=OUTPUTS), TernausNetHead(**{**SMALL, **changes})
    backbone.init_weights()
    head.init_weights()
    return backbone, head


@pytest.mark.parametrize('kernel_size', [3, 4])
@pytest.mark.parametrize('size', [(64, 64), (61, 75), (33, 95)])
def test_logits_have_the_size_of_the_image(size: tuple[int, int], kernel_size: int) -> None:
    backbone, head = pair(kernel_size=kernel_size)
    assert head(backbone(torch.rand(2, 3, *size))).shape == (2, 3, *size)


@pytest.mark.parametrize('kernel_size', [3, 4])
@pytest.mark.parametrize('size', [(64, 32), (61, 75)])
def test_it_is_the_published_decoder_layer_by_layer(size: tuple[int, int], kernel_size: int) -> None:
    backbone, head = pair(kernel_size=kernel_size)
    *skips, x = features = backbone.eval()(torch.rand(2, 3, *size))
    for block, skip in zip(head.blocks, reversed(skips), strict=True):
        x = F.conv2d(x, block.conv.weight, block.conv.bias, padding=1).clamp(min=0)
        up = block.upsample
        x = F.conv_transpose2d(x, up.weight, up.bias, stride=2, padding=1, output_padding=4 - kernel_size).clamp(min=0)
        rows = torch.arange(skip.shape[2]).clamp(max=x.shape[2] - 1)  # a row or column too few: the last one again
        columns = torch.arange(skip.shape[3]).clamp(max=x.shape[3] - 1)
        x = torch.cat([x[:, :, rows][:, :, :, columns], skip], 1)
    x = F.conv2d(x, head.last_conv.weight, head.last_conv.bias, padding=1).clamp(min=0)
    torch.testing.assert_close(head.eval()(features), head.conv_seg(x))


def test_ternausnet_11_has_the_published_number_of_parameters() -> None:
    """The layers of the authors' UNet11, counted by hand; they and the paper have one class."""
    with torch.device('meta'):
        modules = VGG(11, outputs=OUTPUTS), TernausNetHead(num_classes=1, out_channels=1, threshold=0.5)

    def convs(*sides: tuple[int, int]) -> int:
        return sum(9 * source * target + target for source, target in sides)

    blocks = convs((512, 512), (512, 256), (768, 512), (512, 256), (768, 512), (512, 128), (384, 256), (256, 64))
    rest = convs((192, 128), (128, 32), (96, 32)) + 32 + 1
    count = sum(parameter.numel() for module in modules for parameter in module.parameters())
    assert count == 9_220_480 + blocks + rest == 22_927_393


def test_the_authors_variant_on_vgg_16_is_that_of_the_config() -> None:
    """UNet16 with transposed convolutions: sides of each block as in the authors' code, for 32 filters."""
    pytest.importorskip('mmengine')
    from pathlib import Path

    from mmengine.config import Config

    root = Path(__file__).resolve().parents[3]
    arguments = dict(Config.fromfile(root / 'configs/_base_/models/ternausnet_vgg16.py').model.decode_head)
    arguments.pop('type')
    arguments.pop('loss_decode')
    with torch.device('meta'):
        head = TernausNetHead(**arguments)
    sides = [(block.conv.in_channels, block.conv.out_channels, block.upsample.out_channels) for block in head.blocks]
    assert sides == [(512, 512, 256), (768, 512, 256), (768, 512, 256), (512, 256, 64), (192, 128, 32)]
    assert {block.upsample.kernel_size for block in head.blocks} == {(4, 4)}
    assert (head.last_conv.in_channels, head.last_conv.out_channels) == (96, 32)


def test_every_map_takes_part() -> None:
    backbone, head = pair()
    features = list(backbone(torch.rand(1, 3, 64, 64)))
    logits = head(features)
    for index in range(6):
        changed = [*features]
        changed[index] = features[index] + 1
        assert (head(changed) - logits).abs().max() > 1e-4


@pytest.mark.parametrize('kernel_size', [3, 4])
def test_upsampling_doubles_and_keeps_the_size_of_the_signal(kernel_size: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 64, 16, 16).clamp(min=0)
    out = Upsample(64, 64, kernel_size)(x)
    assert out.shape == (2, 64, 32, 32)
    inner = out[:, :, 2:-2, 2:-2].clamp(min=0)  # half of a symmetric signal, as the input
    assert inner.square().mean().item() == pytest.approx(x.square().mean().item(), rel=0.2)


@pytest.mark.parametrize('count', [1, 2])
def test_the_loss_falls_and_gradients_reach_every_parameter(count: int) -> None:
    assert_the_loss_falls(*pair(), lr=0.01, steps=15, count=count)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'conv_channels': (8, 8)}, 'TernausNetHead: 6 in_channels need 5 conv_channels and up_channels'),
        ({'up_channels': (8,) * 6}, 'TernausNetHead: 6 in_channels need 5 conv_channels and up_channels'),
        ({'kernel_size': 2}, 'TernausNetHead: kernel_size must be 3 or 4, got 2'),
    ],
)
def test_wrong_arguments_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TernausNetHead(**{**SMALL, **changes})
