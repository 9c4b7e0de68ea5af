from __future__ import annotations

from typing import Any

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_ext.models.decode_heads.skip_aspp_head import ASPP, SkipASPPHead, SkipFusion

CONV = {'norm_cfg': {'type': 'BN'}, 'act_cfg': {'type': 'ReLU'}}


def head(**changes: Any) -> SkipASPPHead:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {
        'in_channels': [4, 6, 8],
        'skip_channels': [2, 3],
        'channels': 5,
        'num_classes': 3,
        'dropout_ratio': 0,
        'dilations': (1, 2),
    }
    return SkipASPPHead(**{**arguments, **changes})


def features(batch: int = 2, sizes: tuple[tuple[int, int], ...] = ((16, 12), (8, 6), (4, 3))) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(batch, channels, *size) for channels, size in zip((4, 6, 8), sizes, strict=False)]


def samples(height: int = 32, width: int = 24) -> list[SegDataSample]:
    target = torch.zeros(2, 1, height, width, dtype=torch.long)
    target[0, :, :, width // 2 :], target[1, :, height // 2 :] = 1, 2
    return [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in target]


@pytest.mark.parametrize('sizes', [((16, 12), (8, 6), (4, 3)), ((15, 9), (8, 5), (4, 3)), ((5, 5), (5, 5), (1, 1))])
def test_logits_have_the_size_of_the_finest_map(sizes: tuple[tuple[int, int], ...]) -> None:
    assert head().eval()(features(2, sizes)).shape == (2, 3, *sizes[0])


def test_no_skip_one_skip_and_chosen_maps() -> None:
    maps = features()
    assert head(in_channels=[8], skip_channels=[], in_index=[2]).eval()(maps).shape == (2, 3, 4, 3)
    assert head(in_channels=[4, 8], skip_channels=[2], in_index=[0, 2]).eval()(maps).shape == (2, 3, 16, 12)


def test_every_skip_takes_part() -> None:
    net, maps = head().eval(), features()
    logits = net(maps)
    for index in range(3):
        changed = [*maps]
        changed[index] = changed[index] + 1
        assert (net(changed) - logits).abs().max() > 1e-3


@pytest.mark.parametrize('skips', [[], [2], [2, 3, 4]])
def test_a_wrong_number_of_skips_is_refused(skips: list[int]) -> None:
    with pytest.raises(ValueError, match='SkipASPPHead: 3 in_channels need 2 skip_channels'):
        head(skip_channels=skips)


def test_gradients_reach_every_parameter_and_the_loss_falls() -> None:
    net, maps = head().train(), features()
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    losses = []
    for step in range(30):
        optimizer.zero_grad()
        loss = net.loss(maps, samples(), {})['loss_ce']
        loss.backward()
        if step == 0:
            for name, parameter in net.named_parameters():
                assert parameter.grad is not None, name
                assert parameter.grad.isfinite().all(), name
                assert parameter.grad.abs().sum() > 0, name
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_aspp_is_its_branches_projected() -> None:
    torch.manual_seed(0)
    aspp, x = ASPP(4, 5, (1, 3), CONV).eval(), torch.randn(2, 4, 7, 6)
    assert [branch.conv.dilation[0] for branch in aspp.branches] == [1, 1, 3]
    assert [branch.conv.kernel_size[0] for branch in aspp.branches] == [1, 3, 3]
    assert {branch.conv.groups for branch in aspp.branches} == {1}
    image = aspp.image_level[0](x.mean((2, 3), keepdim=True)).relu().expand(2, 5, 7, 6)
    joined = torch.cat([*(branch(x) for branch in aspp.branches), image], 1)
    torch.testing.assert_close(aspp(x), aspp.project(joined))
    assert aspp(x).shape == (2, 5, 7, 6)


def test_a_wider_dilation_sees_farther() -> None:
    aspp = ASPP(1, 1, (3,), CONV).eval()
    x = torch.zeros(1, 1, 9, 9, requires_grad=True)
    aspp.branches[1].conv(x)[0, 0, 4, 4].backward()
    assert x.grad is not None
    assert x.grad[0, 0].nonzero().tolist() == [[i, j] for i in (1, 4, 7) for j in (1, 4, 7)]


def test_fusion_upsamples_the_coarse_map_and_joins_the_reduced_skip() -> None:
    torch.manual_seed(0)
    fusion = SkipFusion(6, 2, 5, CONV).eval()
    coarse, skip = torch.randn(1, 5, 1, 1), torch.randn(1, 6, 4, 3)
    joined = torch.cat([coarse.expand(1, 5, 4, 3), fusion.reduce(skip)], 1)
    assert fusion.reduce(skip).shape[1] == 2
    torch.testing.assert_close(fusion(coarse, skip), fusion.refine(joined))
