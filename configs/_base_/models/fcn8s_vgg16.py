"""FCN-8s (Long et al., arXiv 1411.4038) on VGG-16, torchvision's ImageNet weights by URL."""

_base_ = './encoder_decoder.py'

model = dict(
    backbone=dict(
        type='mmseg_ext.VGG',
        depth=16,
        outputs=('conv1', 'pool3', 'pool4', 'pool5'),
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/vgg16-397923af.pth'),
    ),
    decode_head=dict(
        type='mmseg_ext.FCN8sHead',
        in_channels=[64, 256, 512, 512],
        channels=4096,
        kernel_size=7,
        dropout_ratio=0.5,
        num_classes=3,
        loss_decode=_base_.ce_dice,
    ),
)
