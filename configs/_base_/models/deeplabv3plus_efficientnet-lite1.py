"""DeepLabV3+-style head on EfficientNet-Lite1: stride 16, skips at strides 8 and 4."""

_base_ = './deeplabv3plus_efficientnet-lite2.py'

model = dict(
    backbone=dict(variant=1, init_cfg=dict(checkpoint='weights://efficientnet-lite1')),
    decode_head=dict(in_channels=[24, 40, 320]),
)
