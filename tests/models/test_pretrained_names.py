"""The names and shapes of published weights, for the backbones that load them by an address."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
RESNET = {
    'stem.0.weight': (32, 3, 3, 3),
    'stem.6.weight': (64, 32, 3, 3),
    'layer1.0.downsample.0.weight': (256, 64, 1, 1),
}
PUBLISHED: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    'fpn_r50': (
        'resnet50_v1c-2cccc1ad.pth',
        {**RESNET, 'layer3.5.conv3.weight': (1024, 256, 1, 1), 'layer4.2.bn3.running_var': (2048,)},
    ),
    'deeplabv3plus_r101-d8': (
        'resnet101_v1c-e67eebb6.pth',
        {**RESNET, 'layer3.22.conv3.weight': (1024, 256, 1, 1), 'layer4.2.bn3.running_var': (2048,)},
    ),
    'ocr_hrnet-w48': (
        'hrnetv2_w48-d2186c55.pth',
        {
            'conv2.weight': (64, 64, 3, 3),
            'layer1.3.conv3.weight': (256, 64, 1, 1),
            'transition1.1.0.0.weight': (96, 256, 3, 3),
            'stage2.0.fuse_layers.0.1.0.weight': (48, 96, 1, 1),
            'stage3.3.branches.2.3.conv2.weight': (192, 192, 3, 3),
            'stage4.2.fuse_layers.3.0.2.0.weight': (384, 48, 3, 3),
            'stage4.2.fuse_layers.0.3.1.running_mean': (48,),
        },
    ),
    'segformer_mit-b0': (
        'mit_b0_20220624-7e0fe6dd.pth',
        {
            'layers.0.0.projection.weight': (32, 3, 7, 7),
            'layers.0.1.0.attn.attn.in_proj_weight': (96, 32),
            'layers.0.1.1.attn.sr.weight': (32, 32, 8, 8),
            'layers.2.1.1.ffn.layers.1.weight': (640, 1, 3, 3),
            'layers.3.2.weight': (256,),
        },
    ),
    'segnext_mscan-t': (
        'mscan_t_20230227-119e8c9f.pth',
        {
            'patch_embed1.proj.0.weight': (16, 3, 3, 3),
            'patch_embed4.proj.weight': (256, 160, 3, 3),
            'block1.2.attn.spatial_gating_unit.conv2_1.weight': (32, 1, 1, 21),
            'block3.4.layer_scale_2': (160,),
            'block4.1.mlp.fc1.weight': (1024, 256, 1, 1),
            'norm4.weight': (256,),
        },
    ),
    'segnext_mscan-s': (
        'mscan_s_20230227-f33ccdf2.pth',
        {
            'patch_embed1.proj.0.weight': (32, 3, 3, 3),
            'block1.1.attn.spatial_gating_unit.conv0.weight': (64, 1, 5, 5),
            'block3.3.mlp.fc1.weight': (1280, 320, 1, 1),
            'norm4.bias': (512,),
        },
    ),
}
SAME_WEIGHTS = {'ocr_r101-d8': 'deeplabv3plus_r101-d8', 'deeplabv3plus_hrnet-w48': 'ocr_hrnet-w48'}


def backbone(name: str) -> Any:
    return Config.fromfile(ROOT / 'configs' / '_base_' / 'models' / f'{name}.py').model.backbone


@pytest.mark.parametrize('name', PUBLISHED)
def test_the_backbone_has_the_published_names_and_shapes(name: str) -> None:
    file, shapes = PUBLISHED[name]
    config = backbone(name)
    init_cfg = config.pop('init_cfg')
    assert init_cfg.type == 'Pretrained'
    assert init_cfg.checkpoint.startswith('https://mmassets.onedl.ai/')
    assert init_cfg.checkpoint.endswith(f'/{file}')
    init_default_scope('mmseg')
    with nullcontext() if name.startswith('seg') else torch.device('meta'):  # those ask a tensor for its value
        state = MODELS.build(config).state_dict()
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize(('name', 'other'), SAME_WEIGHTS.items())
def test_models_that_share_a_backbone(name: str, other: str) -> None:
    assert backbone(name).to_dict() == backbone(other).to_dict()


@pytest.mark.parametrize('name', ['fpn_r18', 'unet-fpn_s5-d16-w32', 'fcn_unet-s5-d16-w32'])
def test_what_trains_from_scratch_names_no_weights(name: str) -> None:
    assert backbone(name).get('init_cfg') is None
