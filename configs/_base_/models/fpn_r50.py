"""Semantic FPN on ResNet-50 v1c, ImageNet weights by URL.

The pyramid of Lin et al. (arXiv 1612.03144), its levels brought to stride 4 and summed as in Panoptic FPN (Kirillov et
al., arXiv 1901.02446).
"""

_base_ = './encoder_decoder.py'

norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    backbone=dict(
        type='ResNetV1c',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        dilations=(1, 1, 1, 1),
        strides=(1, 2, 2, 2),
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch',
        contract_dilation=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='https://mmassets.onedl.ai/pretrain/third_party/resnet50_v1c-2cccc1ad.pth'
        ),
    ),
    neck=dict(type='FPN', in_channels=[256, 512, 1024, 2048], out_channels=256, num_outs=4),
    decode_head=dict(
        type='mmseg_ext.SemanticFPNHead',
        in_channels=[256, 256, 256, 256],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=128,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
)
