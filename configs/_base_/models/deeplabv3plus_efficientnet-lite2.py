"""DeepLabV3+-style head on EfficientNet-Lite2: stride 16, skips at strides 8 and 4, ImageNet weights by pip."""

_base_ = './deeplabv3plus_resnet-v2-50-c4.py'

model = dict(
    data_preprocessor=dict(mean=[127.0, 127.0, 127.0], std=[128.0, 128.0, 128.0]),
    backbone=dict(
        _delete_=True,
        type='mmseg_ext.EfficientNetLite',
        variant=2,
        output_stride=16,
        out_indices=(1, 2, 6),
        init_cfg=dict(type='Pretrained', checkpoint='weights://efficientnet-lite2'),
    ),
    decode_head=dict(in_channels=[24, 48, 352]),
)
