"""The pets at 128×128, with a flip and colour: what trainings of minutes on one CPU core learn from.

Scores are still taken at 256×256. The wider warp of ``pets-warp_256x256`` is left out: with it (and unweighted classes)
the U-Net of half the width drew nothing but background in all four validations of 400 steps.
"""

_base_ = './pets_256x256.py'

crop_size = (128, 128)

resize = dict(_base_.resize, scale=crop_size)
train_pipeline = [
    _base_.load_image,
    _base_.load_mask,
    dict(type='Resize', scale=crop_size),
    *_base_.flip_and_colour,
    _base_.pack,
]
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]
tta_sizes = [dict(resize, scale=(side, side)) for side in (128, 160)]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=[tta_sizes, *_base_.after_resize])]

train_dataloader = dict(**_base_.infinite, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
