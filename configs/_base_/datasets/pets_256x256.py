"""The pets at their own 256×256 with the reference report's augmentation: flip and colour.

Training masks are the corrected ones, validation masks the original ones.
"""

_base_ = './folder_256x256.py'

data_root = '{{$PETS_ROOT:data/pets}}'

pets = dict(type='mmseg_ext.PetsDataset', data_root=data_root)
train_dataloader = dict(dataset=dict(**pets, labels='labels_fixed'))
val_dataloader = dict(dataset=dict(**pets))
test_dataloader = dict(dataset=dict(**pets))
