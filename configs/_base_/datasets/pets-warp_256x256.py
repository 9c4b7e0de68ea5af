"""The pets at their own 256×256, with the augmentation of ``pets_384x384``: what short trainings learn from."""

_base_ = './pets_384x384.py'

crop_size = (256, 256)

warp = dict(_base_.warp, size=crop_size)
resize = dict(_base_.resize, scale=crop_size)
train_pipeline = [_base_.load_image, _base_.load_mask, warp, *_base_.appearance, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]
tta_sizes = [dict(resize, scale=(side, side)) for side in (192, 256, 320)]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=[tta_sizes, *_base_.after_resize])]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
