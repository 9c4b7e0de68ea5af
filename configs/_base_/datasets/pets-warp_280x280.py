"""The pets at 280×280, twenty patches of 14 pixels a side, with the augmentation of ``pets-warp_256x256``."""

_base_ = './pets-warp_256x256.py'

crop_size = (280, 280)

warp = dict(
    type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.6, 1.9), rotate=15, shift=0.15, stretch=1.15
)
train_pipeline = [*_base_.loading, warp, *_base_.appearance]
test_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(size, size), keep_ratio=True) for size in (224, 280, 336)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmseg_ext.LoadMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
