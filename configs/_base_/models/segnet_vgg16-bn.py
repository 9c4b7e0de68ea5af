"""SegNet (Badrinarayanan et al., arXiv 1511.00561) on VGG-16 with batch norm, torchvision's ImageNet weights by URL."""

_base_ = './encoder_decoder.py'

model = dict(
    backbone=dict(
        type='mmseg_ext.VGG',
        depth=16,
        batch_norm=True,
        outputs=('conv1', 'indices1', 'indices2', 'indices3', 'indices4', 'indices5', 'pool5'),
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/vgg16_bn-6c64b313.pth'),
    ),
    decode_head=dict(
        type='mmseg_ext.UnpoolHead',
        in_channels=[64, 128, 256, 512, 512],
        num_convs=[2, 2, 3, 3, 3],
        num_classes=3,
        norm_cfg=dict(type='BN', requires_grad=True),
        loss_decode=_base_.ce_dice,
    ),
)
