"""DeepLabV3+ (Chen et al., arXiv 1802.02611) on ResNet-50 v1c, output stride 8, ImageNet weights by URL."""

_base_ = './encoder_decoder.py'

norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    backbone=dict(
        type='ResNetV1c',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1),
        norm_cfg=norm_cfg,
        norm_eval=False,
        style='pytorch',
        contract_dilation=True,
        init_cfg=dict(
            type='Pretrained', checkpoint='https://mmassets.onedl.ai/pretrain/third_party/resnet50_v1c-2cccc1ad.pth'
        ),
    ),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=2048,
        in_index=3,
        channels=512,
        dilations=(1, 12, 24, 36),
        c1_in_channels=256,
        c1_channels=48,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=dict(type='mmseg_ext.BatchNorm'),  # for the image pooling of a batch of one
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=1024,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss', loss_weight=0.4),
    ),
)
