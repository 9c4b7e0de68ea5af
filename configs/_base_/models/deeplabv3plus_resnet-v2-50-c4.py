"""DeepLabV3+-style head on the pre-activation ResNet-50 cut at C4: stride 16, skips at strides 8 and 4."""

_base_ = './encoder_decoder.py'

model = dict(
    backbone=dict(
        type='mmseg_ext.ResNetV2',
        depth=50,
        num_stages=3,
        out_indices=(0, 1, 2),
        init_cfg=dict(type='Pretrained', checkpoint='weights://resnet50_v2_c4_imagenet_fp16.pth'),
    ),
    decode_head=dict(
        type='mmseg_ext.SkipASPPHead',
        in_channels=[256, 512, 1024],
        skip_channels=[32, 64],
        channels=128,
        dilations=(3, 6, 9),
        dropout_ratio=0.1,
        num_classes=3,
        loss_decode=_base_.ce_dice,
    ),
)
