"""PH² at 256 pixels of width, the published shape of 4:3 kept; scored at the size of the masks.

A dermoscope has no up: images are turned by any angle and flipped in both directions.
"""

_base_ = './folder_256x256.py'

data_root = '{{$PH2_ROOT:data/ph2}}'
crop_size = (256, 192)

train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.7, 1.4), rotate=180, shift=0.1, stretch=1.1),
    dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]

ph2 = dict(type='mmseg_ext.PH2Dataset', data_root=data_root)
train_dataloader = dict(
    batch_size=8,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(**ph2, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(**ph2))
test_dataloader = dict(dataset=dict(**ph2))
