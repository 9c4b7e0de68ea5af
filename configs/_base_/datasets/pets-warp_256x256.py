"""The pets at their own 256×256, with the augmentation of ``pets_384x384``: what short trainings learn from."""

_base_ = './pets_384x384.py'

crop_size = (256, 256)

train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(
        type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.6, 1.9), rotate=15, shift=0.15, stretch=1.15
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomGrayscale', prob=0.1, keep_channels=True),
    dict(type='mmseg_ext.RandomBlur', prob=0.15, sigma=(0.5, 2.0)),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
