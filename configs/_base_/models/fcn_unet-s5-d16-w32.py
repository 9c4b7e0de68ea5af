"""The U-Net of ``fcn_unet-s5-d16`` at half the width and without its auxiliary head."""

_base_ = './fcn_unet-s5-d16.py'

model = dict(
    backbone=dict(base_channels=32),
    decode_head=dict(in_channels=32, channels=32),
    auxiliary_head=None,
)
