"""MADS at 256 pixels of width, the shape of 4:3 of its frames kept; scored at the size of the masks."""

_base_ = './folder_256x256.py'

data_root = '{{$MADS_ROOT:data/mads}}'
crop_size = (256, 192)

warp = dict(type='mmseg_ext.RandomScaleRotateShift', size=crop_size, scale=(0.7, 1.6), rotate=15, shift=0.15)
train_pipeline = [_base_.load_image, _base_.load_mask, warp, *_base_.flip_and_colour, _base_.pack]

train_dataloader = dict(**_base_.infinite, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
