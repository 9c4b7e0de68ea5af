"""The synthetic pets at 192×192, with a flip and one warp for scale, rotation and shift; exact masks throughout."""

_base_ = './folder_256x256.py'

data_root = '{{$DEMO_DATA:.demo/data}}'
crop_size = (192, 192)

train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.8, 1.6), rotate=10, shift=0.1),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
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
            [dict(type='Resize', scale=crop_size, keep_ratio=True)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmseg_ext.LoadMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]

demo = dict(data_root=data_root, labels='labels_true')
train_dataloader = dict(
    batch_size=8,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(**demo, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(**demo, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**demo, pipeline=test_pipeline))
