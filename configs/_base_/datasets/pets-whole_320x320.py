"""The pets at 320×320, each photograph whole: made smaller at most, and never cropped.

Who cut these photographs out of larger ones put an animal in the middle and labelled it; one that reaches beyond the
border is mostly not labelled (4 of the 198 corrected train masks touch the border, and 1 of the 120 of val). Crops and
shifts take from a model what it needs to learn this.
"""

_base_ = './pets_384x384.py'

crop_size = (320, 320)

warp = dict(
    type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.75, 1.0), rotate=10, shift=0.05, stretch=1.1
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
            [dict(type='Resize', scale=(size, size), keep_ratio=True) for size in (256, 320, 384)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmseg_ext.LoadMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
