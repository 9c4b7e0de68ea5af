"""OCR (Yuan et al., arXiv 1909.11065) on ResNet-101 v1c, output stride 8, ImageNet weights by URL."""

_base_ = './deeplabv3plus_r101-d8.py'

norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    type='CascadeEncoderDecoder',
    num_stages=2,
    decode_head=[
        dict(
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
        dict(
            type='OCRHead',
            in_channels=2048,
            in_index=3,
            channels=512,
            ocr_channels=256,
            dropout_ratio=0.1,
            num_classes=3,
            norm_cfg=norm_cfg,
            loss_decode=_base_.ce_dice,
        ),
    ],
    auxiliary_head=None,
)
