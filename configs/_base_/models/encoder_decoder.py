"""Base of all models: ImageNet normalisation, whole-image inference; the usual loss as a variable."""

ce_dice = [dict(type='mmseg_ext.CrossEntropyLoss'), dict(type='mmseg_ext.DiceLoss')]

model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='mmseg_ext.SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=32,
    ),
    train_cfg={},
    test_cfg=dict(mode='whole'),
)
