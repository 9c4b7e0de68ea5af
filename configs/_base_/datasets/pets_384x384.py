"""The pets at 384×384, with one warp for scale, rotation and shift: what the local workhorses train on.

The 256×256 photographs are enlarged before the network, whose stride then loses less of a thin part; predictions are
scored at 256×256. Training masks are the corrected ones, validation masks the original ones.
"""

_base_ = './pets_256x256.py'

crop_size = (384, 384)

loading = [dict(type='mmseg_ext.LoadImage'), dict(type='mmseg_ext.LoadMask')]
appearance = [
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomGrayscale', prob=0.1, keep_channels=True),
    dict(type='mmseg_ext.RandomBlur', prob=0.15, sigma=(0.5, 2.0)),
    dict(type='PackSegInputs'),
]
warp = dict(
    type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.6, 1.9), rotate=15, shift=0.15, stretch=1.15
)
train_pipeline = [*loading, warp, *appearance]
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
            [dict(type='Resize', scale=(size, size), keep_ratio=True) for size in (320, 384, 448)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmseg_ext.LoadMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]

train_dataloader = dict(
    batch_size=8, sampler=dict(type='InfiniteSampler', shuffle=True), dataset=dict(pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
