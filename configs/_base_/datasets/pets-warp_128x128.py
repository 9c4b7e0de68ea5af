"""The pets at 128×128: what trainings of minutes on one CPU core learn from. Scores are still taken at 256×256."""

_base_ = './pets-warp_256x256.py'

crop_size = (128, 128)

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
            [dict(type='Resize', scale=(size, size), keep_ratio=True) for size in (128, 160)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmseg_ext.LoadMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
