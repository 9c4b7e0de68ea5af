"""The pets at their own 256×256 with the augmentation of experiments 1 and 2: random resize and crop, flip, colour.

An image that the resize made smaller than the crop must be padded: the model's data preprocessor needs ``size``.
"""

_base_ = './pets_256x256.py'

# RandomResize, RandomCrop and RandomFlip of the report's configs in one.
resize_crop_flip = dict(
    type='mmseg_ext.RandomResizeCropFlip',
    scale=_base_.crop_size,
    ratio_range=(0.5, 2.0),
    crop_size=_base_.crop_size,
    cat_max_ratio=0.75,
)
pad_to_crop = dict(size=_base_.crop_size, size_divisor=None)  # the data preprocessor of models on these data
train_pipeline = [_base_.load_image, _base_.load_mask, resize_crop_flip, _base_.colour, _base_.pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
