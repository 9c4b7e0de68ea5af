"""PH² at 256 pixels of width, the published shape of 4:3 kept; scored at the size of the masks.

A dermoscope has no up: images are turned by any angle and flipped in both directions.
"""

_base_ = './folder_256x256.py'

data_root = '{{$PH2_ROOT:data/ph2}}'
crop_size = (256, 192)

warp = dict(
    type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.7, 1.4), rotate=180, shift=0.1, stretch=1.1
)
flip = dict(type='RandomFlip', prob=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal'])
colour = dict(type='mmseg_ext.PhotoMetricDistortion')
train_pipeline = [_base_.load_image, _base_.load_mask, warp, flip, colour, _base_.pack]

train_dataloader = dict(**_base_.infinite, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
