"""``pets_256x256`` with the augmentation of the report's first experiment: resize, crop, flip and colour."""

_base_ = './pets_256x256.py'

crop_size = (256, 256)
train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
