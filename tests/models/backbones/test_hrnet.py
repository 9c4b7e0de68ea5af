from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmseg.models.backbones import HRNet as MMSegHRNet
from mmseg.models.utils.wrappers import Upsample
from mmseg.registry import MODELS

from mmseg_ext.models.backbones.hrnet import HRNet

WIDTHS = (4, 8, 12, 16)
EXTRA = {
    'stage1': {'num_modules': 1, 'num_branches': 1, 'block': 'BOTTLENECK', 'num_blocks': (1,), 'num_channels': (4,)},
    **{
        f'stage{stage}': {
            'num_modules': 1,
            'num_branches': stage,
            'block': 'BASIC',
            'num_blocks': (1,) * stage,
            'num_channels': WIDTHS[:stage],
        }
        for stage in (2, 3, 4)
    },
}


def build(kind: str) -> HRNet:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    net = MODELS.build(dict(type=kind, extra=EXTRA, norm_cfg={'type': 'BN'}))
    net.eval()  # mmseg's returns nothing
    return net


@pytest.fixture
def ours() -> HRNet:
    return build('mmseg_ext.HRNet')


def test_it_has_mmsegs_weights_and_where_sizes_divide_its_maps(ours: HRNet) -> None:
    theirs = build('HRNet')
    assert isinstance(ours, HRNet)
    assert type(theirs) is MMSegHRNet
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        for actual, desired in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(actual, desired)


def test_a_coarse_branch_is_resized_once(ours: HRNet) -> None:
    assert not any(isinstance(module, Upsample) for module in ours.modules())
    module = ours.stage4[0]
    maps = [
        torch.randn(1, width, *size) for width, size in zip(WIDTHS, ((15, 19), (8, 10), (4, 5), (2, 3)), strict=True)
    ]
    with torch.no_grad():
        branches = [branch(feature_map) for branch, feature_map in zip(module.branches, maps, strict=True)]
        expected = branches[0]
        for layer, branch in zip(module.fuse_layers[0][1:], branches[1:], strict=True):
            expected = expected + F.interpolate(layer[1](layer[0](branch)), size=(15, 19), mode='bilinear')
        torch.testing.assert_close(module([*maps])[0], expected.relu())


def test_odd_sizes_and_gradients(ours: HRNet) -> None:
    ours.train()
    maps = ours(torch.randn(2, 3, 61, 75))
    assert [tuple(feature_map.shape[1:]) for feature_map in maps] == [(4, 16, 19), (8, 8, 10), (12, 4, 5), (16, 2, 3)]
    sum(feature_map.square().mean() for feature_map in maps).backward()
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None, name
