"""The pets at 320×320, each image whole: made smaller at most, and never cropped.

The images were cut out of larger ones around a labelled animal; an animal that reaches beyond the border is mostly not
labelled (4 of the 198 corrected train masks touch the border, and 1 of the 120 of val). A model can learn this only
from whole images, not from crops and shifts.
"""

_base_ = './pets_384x384.py'

crop_size = (320, 320)

warp = dict(_base_.warp, size=crop_size, scale=(0.75, 1.0), rotate=10, shift=0.05, stretch=1.1)
resize = dict(_base_.resize, scale=crop_size)
train_pipeline = [_base_.load_image, _base_.load_mask, warp, *_base_.appearance, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]
tta_sizes = [dict(resize, scale=(side, side)) for side in (256, 320, 384)]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=[tta_sizes, *_base_.after_resize])]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
