"""U-Net of five stages (Ronneberger et al., arXiv 1505.04597) with an FCN head and an auxiliary one, from scratch."""

_base_ = './encoder_decoder.py'

norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    data_preprocessor=dict(test_cfg=dict(size_divisor=16)),  # this U-Net takes no other sizes
    backbone=dict(
        type='UNet',
        in_channels=3,
        base_channels=64,
        num_stages=5,
        strides=(1, 1, 1, 1, 1),
        enc_num_convs=(2, 2, 2, 2, 2),
        dec_num_convs=(2, 2, 2, 2),
        downsamples=(True, True, True, True),
        enc_dilations=(1, 1, 1, 1, 1),
        dec_dilations=(1, 1, 1, 1),
        norm_cfg=norm_cfg,
        act_cfg=dict(type='ReLU'),
        upsample_cfg=dict(type='InterpConv'),
    ),
    decode_head=dict(
        type='FCNHead',
        in_channels=64,
        in_index=4,
        channels=64,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=128,
        in_index=3,
        channels=64,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss', loss_weight=0.4),
    ),
)
