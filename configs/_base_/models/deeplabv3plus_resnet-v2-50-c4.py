"""DeepLabV3+-style head on the pre-activation ResNet-50 cut at C4: stride 16, skips at strides 8 and 4."""

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=32,
    ),
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
        loss_decode=[dict(type='mmseg_ext.CrossEntropy'), dict(type='mmseg_ext.Dice')],
    ),
    train_cfg={},
    test_cfg=dict(mode='whole'),
)
