"""HRNetV2-W48 (Wang et al., arXiv 1908.07919) with OCR (Yuan et al., arXiv 1909.11065), ImageNet weights by URL.

The backbone is that of ``deeplabv3plus_hrnet-w48``. The first head says where the classes roughly are, the second one
asks these regions what they look like.
"""

_base_ = './deeplabv3plus_hrnet-w48.py'

norm_cfg = dict(type='BN', requires_grad=True)
branches = [48, 96, 192, 384]
all_branches = dict(in_channels=branches, in_index=(0, 1, 2, 3), input_transform='resize_concat')

model = dict(
    type='CascadeEncoderDecoder',
    num_stages=2,
    decode_head=[
        dict(
            type='FCNHead',
            **all_branches,
            channels=sum(branches),
            kernel_size=1,
            num_convs=1,
            concat_input=False,
            dropout_ratio=0,
            num_classes=3,
            norm_cfg=norm_cfg,
            loss_decode=dict(type='mmseg_ext.CrossEntropyLoss', loss_weight=0.4),
        ),
        dict(
            type='OCRHead',
            **all_branches,
            channels=512,
            ocr_channels=256,
            dropout_ratio=0,
            num_classes=3,
            norm_cfg=norm_cfg,
            loss_decode=_base_.ce_dice,
        ),
    ],
)
