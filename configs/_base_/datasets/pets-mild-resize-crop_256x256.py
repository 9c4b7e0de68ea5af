"""The pets at their own 256×256 with the data of the public SegFormer record: mild resize, crop, flip, colour, batch 8.

An image that the resize made smaller than the crop must be padded: the model's data preprocessor needs ``size``.
"""

_base_ = './pets_256x256.py'

crop_size = (256, 256)

train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='RandomResize', scale=crop_size, ratio_range=(0.75, 1.25), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
train_dataloader = dict(
    batch_size=8, sampler=dict(type='InfiniteSampler', shuffle=True), dataset=dict(pipeline=train_pipeline)
)
