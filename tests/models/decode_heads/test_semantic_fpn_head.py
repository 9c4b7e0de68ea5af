from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.models.decode_heads import FPNHead
from torch import Tensor

from mmseg_ext.models.decode_heads.semantic_fpn_head import SemanticFPNHead

CHANNELS = (4, 6, 8, 10)


def head(kind: type = SemanticFPNHead, strides: tuple[int, ...] = (4, 8, 16, 32), **changes: Any) -> Any:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    arguments = {'in_index': [0, 1, 2, 3], 'channels': 5, 'num_classes': 3, 'dropout_ratio': 0, **changes}
    return kind(feature_strides=strides, in_channels=list(CHANNELS), norm_cfg={'type': 'BN'}, **arguments)


def features(*sizes: tuple[int, int], batch: int = 2) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(batch, channels, *size) for channels, size in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize('training', [True, False])
def test_where_sizes_divide_it_is_mmsegs_head_with_the_same_weights(training: bool) -> None:
    ours, theirs = head().train(training), head(FPNHead).train(training)
    theirs.load_state_dict(ours.state_dict())
    maps = features((16, 24), (8, 12), (4, 6), (2, 3))
    torch.testing.assert_close(ours(maps), theirs(maps))


def test_at_other_sizes_each_step_goes_to_the_next_finer_map() -> None:
    net, maps = head().eval(), features((16, 19), (8, 10), (4, 5), (2, 3))
    sizes = [tuple(feature_map.shape[2:]) for feature_map in maps]
    expected = net.scale_heads[0](maps[0])
    for level in (1, 2, 3):
        x = maps[level]
        for number, size in enumerate(sizes[level - 1 :: -1]):
            x = F.interpolate(net.scale_heads[level][2 * number](x), size=size, mode='bilinear')
        expected = expected + x
    result = net(maps)
    assert result.shape == (2, 3, 16, 19)
    torch.testing.assert_close(result, net.conv_seg(expected))


def test_the_number_of_convolutions_is_the_papers() -> None:
    """One at strides 4 and 8, two at 16, three at 32."""
    convs = [[module for module in level if hasattr(module, 'conv')] for level in head().scale_heads]
    assert [len(level) for level in convs] == [1, 1, 2, 3]
    assert {conv.conv.kernel_size for level in convs for conv in level} == {(3, 3)}


def test_every_level_takes_part_and_gets_gradients() -> None:
    net, maps = head().train(), features((5, 7), (3, 4), (2, 2), (1, 1), batch=2)
    net(maps).square().mean().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
    net.eval()
    logits = net(maps)
    for index in range(4):
        changed = [*maps]
        changed[index] = changed[index] + 1
        assert (net(changed) - logits).abs().max() > 1e-3


@pytest.mark.parametrize('strides', [(4, 8, 32, 64), (4, 8, 16, 16), (4, 8, 16, 31)])
def test_strides_that_do_not_double_are_refused(strides: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='SemanticFPNHead: feature_strides must double'):
        head(strides=strides)
