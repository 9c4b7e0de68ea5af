"""The pets at their own 256×256 with the data of the public SegFormer record: mild resize, crop, flip, colour, batch 8.

An image that the resize made smaller than the crop must be padded: the model's data preprocessor needs ``size``.
"""

_base_ = './pets-resize-crop_256x256.py'

resize_crop_flip = dict(_base_.resize_crop_flip, ratio_range=(0.75, 1.25))
train_pipeline = [_base_.load_image, _base_.load_mask, resize_crop_flip, _base_.colour, _base_.pack]
train_dataloader = dict(**_base_.infinite, dataset=dict(pipeline=train_pipeline))
