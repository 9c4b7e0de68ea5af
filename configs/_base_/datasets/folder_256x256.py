"""A data set of the project's layout at 256×256: loaders of its three splits, flip and colour as augmentation."""

crop_size = (256, 256)

train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
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
            [dict(type='Resize', scale=(size, size), keep_ratio=True) for size in (192, 256, 320)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
            [dict(type='mmseg_ext.LoadMask')],
            [dict(type='PackSegInputs')],
        ],
    ),
]

dataset = dict(type='mmseg_ext.FolderDataset', data_root='data', labels='labels', cache=True)
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**dataset, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,  # images of several sizes do not stack
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**dataset, split='val', pipeline=test_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**dataset, split='test', masks_optional=True, pipeline=test_pipeline),
)
