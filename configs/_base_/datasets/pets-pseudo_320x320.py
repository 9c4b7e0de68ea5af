"""The pets and, as many of a batch, mosaics of photographs with pseudo-labels, at 320×320.

The pseudo-labelled set is made by ``tools/pseudo_label.py`` (docs/pseudo-labels.md): photographs of which only the
class is known, mostly close-ups. In a mosaic of four their animals have the size that they have in the pets.
"""

_base_ = './pets_384x384.py'

pseudo_root = '{{$PSEUDO_ROOT:data/pets-pseudo}}'
crop_size = (320, 320)

warp = dict(type='mmseg_ext.RandomScaleRotateShift', size=crop_size, rotate=15, shift=0.15, stretch=1.15)
test_pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='PackSegInputs'),
]

train_pets = dict(
    type='mmseg_ext.PetsDataset',
    data_root=_base_.data_root,
    split='train',
    labels='labels_fixed',
    cache=True,
    pipeline=[*_base_.loading, dict(**warp, scale=(0.6, 1.9)), *_base_.appearance],
)
train_pseudo = dict(
    type='MultiImageMixDataset',
    dataset=dict(
        type='mmseg_ext.PetsDataset',
        data_root=pseudo_root,
        split='train',
        labels='labels',
        cache=True,
        pipeline=_base_.loading,
    ),
    pipeline=[dict(type='mmseg_ext.Mosaic', tile=256, prob=0.8), dict(**warp, scale=(0.7, 1.8)), *_base_.appearance],
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        # 198 pets seven times against some 1,360 photographs: both halves of a batch, on average.
        datasets=[dict(type='RepeatDataset', dataset=train_pets, times=7), train_pseudo],
        ignore_keys=['split', 'labels'],
    )
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
