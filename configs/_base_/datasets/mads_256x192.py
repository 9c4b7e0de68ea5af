"""MADS at 256 pixels of width, the shape of 4:3 of its frames kept; scored at the size of the masks."""

_base_ = './folder_256x256.py'

data_root = '{{$MADS_ROOT:data/mads}}'
crop_size = (256, 192)

train_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.7, 1.6), rotate=15, shift=0.15),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]

mads = dict(type='mmseg_ext.MADSDataset', data_root=data_root)
train_dataloader = dict(
    batch_size=8,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(**mads, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(**mads))
test_dataloader = dict(dataset=dict(**mads))
