"""DeepLabV3+-style head on MobileNetV2: stride 32, skips at strides 16, 8 and 4."""

_base_ = './deeplabv3plus_resnet-v2-50-c4.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(1, 2, 4, 6),
        init_cfg=dict(type='Pretrained', checkpoint='weights://mobilenet_v2_imagenet.pth'),
    ),
    decode_head=dict(in_channels=[24, 32, 96, 320], skip_channels=[32, 48, 64]),
)
