"""U-Net + FPN: the U-Net of ``fcn_unet-s5-d16-w32``, the maps of all its levels read by a feature-pyramid head.

Each map of the decoder, the bottleneck's included, is convolved, brought to full size and summed (the head of Panoptic
FPN, Kirillov et al., arXiv 1901.02446), so that the class does not rest on the finest map alone.
"""

_base_ = './fcn_unet-s5-d16-w32.py'

norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    decode_head=dict(
        _delete_=True,
        type='mmseg_ext.SemanticFPNHead',
        in_channels=[32, 64, 128, 256, 512],
        in_index=[4, 3, 2, 1, 0],
        feature_strides=[1, 2, 4, 8, 16],
        channels=32,
        dropout_ratio=0.1,
        num_classes=3,
        norm_cfg=norm_cfg,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss'),
    ),
)
