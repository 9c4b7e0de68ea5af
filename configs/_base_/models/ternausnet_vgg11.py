"""TernausNet-11 (Iglovikov & Shvets, arXiv 1801.05746): U-Net on VGG-11, torchvision's ImageNet weights by URL."""

_base_ = './encoder_decoder.py'

model = dict(
    backbone=dict(
        type='mmseg_ext.VGG',
        depth=11,
        outputs=('conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'pool5'),
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/vgg11-8a719046.pth'),
    ),
    decode_head=dict(
        type='mmseg_ext.TernausNetHead',
        in_channels=[64, 128, 256, 512, 512, 512],
        conv_channels=[512, 512, 512, 256, 128],
        up_channels=[256, 256, 128, 64, 32],
        channels=32,
        kernel_size=3,
        num_classes=3,
        loss_decode=_base_.ce_dice,
    ),
)
