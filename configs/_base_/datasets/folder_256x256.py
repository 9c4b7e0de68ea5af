"""A data set of the project's layout at 256×256: loaders of its three splits, flip and colour as augmentation."""

crop_size = (256, 256)

# Parts of pipelines, for this file and those that inherit from it.
load_image = dict(type='LoadImageFromFile', _scope_='mmseg_ext')  # mmseg_ext.LoadImage, as mmseg's inferencer names it
load_mask = dict(type='mmseg_ext.LoadMask')
resize = dict(type='Resize', scale=crop_size, keep_ratio=True)
flip = dict(type='RandomFlip', prob=0.5)
colour = dict(type='mmseg_ext.PhotoMetricDistortion')
flip_and_colour = [flip, colour]
pack = dict(type='PackSegInputs')
after_resize = [[dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)], [load_mask], [pack]]

train_pipeline = [load_image, load_mask, *flip_and_colour, pack]
test_pipeline = [load_image, resize, load_mask, pack]
tta_sizes = [dict(resize, scale=(side, side)) for side in (192, 256, 320)]
tta_pipeline = [load_image, dict(type='TestTimeAug', transforms=[tta_sizes, *after_resize])]

dataset = dict(type='mmseg_ext.FolderDataset', data_root='data', labels='labels', cache=True)
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**dataset, split='train', pipeline=train_pipeline),
)
infinite = dict(batch_size=8, sampler=dict(type='InfiniteSampler', shuffle=True))  # for schedules that count iterations
val_dataloader = dict(
    batch_size=8,  # images of one size are predicted together
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**dataset, split='val', pipeline=test_pipeline),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**dataset, split='test', masks_optional=True, pipeline=test_pipeline),
)
