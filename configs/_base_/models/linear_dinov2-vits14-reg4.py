"""DINOv2's linear head on the last four maps of its ViT-S/14 with registers: stride 14, frozen, weights by file."""

_base_ = './encoder_decoder.py'

model = dict(
    data_preprocessor=dict(size_divisor=14),
    backbone=dict(
        type='mmseg_ext.DINOv2',
        arch='small',
        num_registers=4,
        out_indices=(-4, -3, -2, -1),
        frozen=True,
        init_cfg=dict(type='Pretrained', checkpoint='weights://dinov2_vits14_reg4_pretrain.pth'),
    ),
    decode_head=dict(
        type='mmseg_ext.LinearHead',
        in_channels=[384, 384, 384, 384],
        dropout_ratio=0.1,
        num_classes=3,
        loss_decode=_base_.ce_dice,
    ),
)
