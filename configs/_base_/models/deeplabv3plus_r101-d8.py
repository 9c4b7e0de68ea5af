"""DeepLabV3+ of ``deeplabv3plus_r50-d8`` on ResNet-101 v1c, ImageNet weights by URL."""

_base_ = './deeplabv3plus_r50-d8.py'

model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(checkpoint='https://mmassets.onedl.ai/pretrain/third_party/resnet101_v1c-e67eebb6.pth'),
    ),
)
