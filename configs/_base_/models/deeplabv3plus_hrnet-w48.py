"""DeepLabV3+ on HRNetV2-W48: ASPP on the branch at stride 32, skips from the branches at strides 16, 8 and 4.

This is how an author of Panoptic-DeepLab joins the two (``deeplab_v3_plus_H_48_os4`` in bowenc0221/panoptic-deeplab on
GitHub: dilations 3, 6, 9, skips of 48, 96 and 192 channels, 256 in the ASPP). The other way in use, ASPP on all
branches brought to stride 4, computes the same kind of map 64 times as densely. ImageNet weights by URL.
"""

_base_ = './encoder_decoder.py'

branches = [48, 96, 192, 384]
norm_cfg = dict(type='BN', requires_grad=True)

model = dict(
    backbone=dict(
        type='mmseg_ext.HRNet',
        norm_cfg=norm_cfg,
        norm_eval=False,
        extra=dict(
            stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)),
            stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=branches[:2]),
            stage3=dict(num_modules=4, num_branches=3, block='BASIC', num_blocks=(4, 4, 4), num_channels=branches[:3]),
            stage4=dict(num_modules=3, num_branches=4, block='BASIC', num_blocks=(4, 4, 4, 4), num_channels=branches),
        ),
        init_cfg=dict(
            type='Pretrained', checkpoint='https://mmassets.onedl.ai/pretrain/third_party/hrnetv2_w48-d2186c55.pth'
        ),
    ),
    decode_head=dict(
        type='mmseg_ext.SkipASPPHead',
        in_channels=branches,
        skip_channels=branches[:3],
        channels=256,
        dilations=(3, 6, 9),
        dropout_ratio=0.1,
        num_classes=3,
        loss_decode=_base_.ce_dice,
    ),
)
