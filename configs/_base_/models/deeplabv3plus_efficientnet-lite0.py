"""DeepLabV3+-style head on EfficientNet-Lite0, the smallest of the family: stride 16, skips at strides 8 and 4."""

_base_ = './deeplabv3plus_efficientnet-lite2.py'

model = dict(
    backbone=dict(variant=0, init_cfg=dict(checkpoint='weights://efficientnet-lite0')),
    decode_head=dict(in_channels=[24, 40, 320]),
)
