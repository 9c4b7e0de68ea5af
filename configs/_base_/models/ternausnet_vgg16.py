"""TernausNet on VGG-16, with the channels and 4×4 transposed convolutions of its authors; ImageNet weights by URL."""

_base_ = './ternausnet_vgg11.py'

model = dict(
    backbone=dict(
        depth=16,
        init_cfg=dict(type='Pretrained', checkpoint='https://download.pytorch.org/models/vgg16-397923af.pth'),
    ),
    decode_head=dict(up_channels=[256, 256, 256, 64, 32], kernel_size=4),
)
