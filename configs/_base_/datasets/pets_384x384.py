"""The pets at 384×384, with one warp for scale, rotation and shift: what the local workhorses train on.

The 256×256 images are enlarged before the network, whose stride then loses less of a thin part; predictions are
scored at 256×256. Training masks are the corrected ones, validation masks the original ones.
"""

_base_ = './pets_256x256.py'

crop_size = (384, 384)

warp = dict(
    type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.6, 1.9), rotate=15, shift=0.15, stretch=1.15
)
appearance = [
    *_base_.flip_and_colour,
    dict(type='RandomGrayscale', prob=0.1, keep_channels=True),
    dict(type='mmseg_ext.RandomBlur', prob=0.15, sigma=(0.5, 2.0)),
]
resize = dict(_base_.resize, scale=crop_size)
train_pipeline = [_base_.load_image, _base_.load_mask, warp, *appearance, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]
tta_sizes = [dict(resize, scale=(side, side)) for side in (320, 384, 448)]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=[tta_sizes, *_base_.after_resize])]

train_dataloader = dict(**_base_.infinite, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
