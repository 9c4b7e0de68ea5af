"""A data set of the project's layout at 256×256, with one warp for scale, rotation and shift, for iterations.

Images of several sizes and shapes make a batch, since the warp cuts them all to one size.
"""

_base_ = './folder_256x256.py'

crop_size = (256, 256)

warp = dict(
    type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.6, 1.9), rotate=15, shift=0.15, stretch=1.15
)
colour = [
    dict(type='mmseg_ext.PhotoMetricDistortion'),
    dict(type='RandomGrayscale', prob=0.1, keep_channels=True),
    dict(type='mmseg_ext.RandomBlur', prob=0.15, sigma=(0.5, 2.0)),
]
appearance = [_base_.flip, *colour]
train_pipeline = [_base_.load_image, _base_.load_mask, warp, *appearance, _base_.pack]
train_dataloader = dict(**_base_.infinite, dataset=dict(pipeline=train_pipeline))
