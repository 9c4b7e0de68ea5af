"""The synthetic pets at 192×192, with a flip and one warp for scale, rotation and shift; exact masks throughout."""

_base_ = './folder_256x256.py'

data_root = '{{$DEMO_DATA:.demo/data}}'
crop_size = (192, 192)

warp = dict(type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.8, 1.6), rotate=10, shift=0.1)
resize = dict(_base_.resize, scale=crop_size)
train_pipeline = [_base_.load_image, _base_.load_mask, warp, dict(type='RandomFlip', prob=0.5), _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]
tta_pipeline = [_base_.load_image, dict(type='TestTimeAug', transforms=[[resize], *_base_.after_resize])]

demo = dict(data_root=data_root, labels='labels_true')
train_dataloader = dict(**_base_.infinite, dataset=dict(**demo, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**demo, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(**demo, pipeline=test_pipeline))
