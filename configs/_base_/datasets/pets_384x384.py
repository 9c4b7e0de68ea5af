"""The pets at 384×384, with one warp for scale, rotation and shift: what the local workhorses train on.

The 256×256 images are enlarged before the network, whose stride then loses less of a thin part; predictions are
scored at 256×256. Training masks are the corrected ones, validation masks the original ones.
"""

_base_ = './folder-warp_256x256.py'

data_root = '{{$PETS_ROOT:data/pets}}'
crop_size = (384, 384)

warp = dict(_base_.warp, size=crop_size)
resize = dict(_base_.resize, scale=crop_size)
train_pipeline = [_base_.load_image, _base_.load_mask, warp, *_base_.appearance, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]
tta_sizes = [dict(resize, scale=(side, side)) for side in (320, 384, 448)]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=[tta_sizes, *_base_.after_resize])]

train_dataloader = dict(dataset=dict(data_root=data_root, labels='labels_fixed', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(data_root=data_root, pipeline=test_pipeline))
