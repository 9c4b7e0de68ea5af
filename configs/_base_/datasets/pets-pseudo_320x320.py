"""The pets and, as many of a batch, mosaics of images with pseudo-labels, at 320×320.

The pseudo-labelled set is made by ``mmseg-ext pseudo-label`` (docs/pseudo-labels.md): images of which only the
class is known, mostly close-ups. In a mosaic of four their animals have the size that they have in the pets.
"""

_base_ = './pets_384x384.py'

pseudo_root = '{{$PSEUDO_ROOT:data/pets-pseudo}}'
crop_size = (320, 320)

warp = dict(_base_.warp, size=crop_size)
loading = [_base_.load_image, _base_.load_mask]
train_pets = dict(_base_.train_dataloader.dataset, pipeline=[*loading, warp, *_base_.appearance, _base_.pack])
train_pseudo = dict(
    type='MultiImageMixDataset',
    dataset=dict(_base_.train_dataloader.dataset, data_root=pseudo_root, labels='labels', pipeline=loading),
    pipeline=[
        dict(type='mmseg_ext.Mosaic', tile=256, prob=0.8),
        dict(warp, scale=(0.7, 1.8)),
        *_base_.appearance,
        _base_.pack,
    ],
)
resize = dict(_base_.resize, scale=crop_size)
test_pipeline = [_base_.load_image, resize, _base_.load_mask, _base_.pack]

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        # 198 pets seven times against some 1,360 images: both halves of a batch, on average.
        datasets=[dict(type='RepeatDataset', dataset=train_pets, times=7), train_pseudo],
        ignore_keys=['split', 'labels'],
    )
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
