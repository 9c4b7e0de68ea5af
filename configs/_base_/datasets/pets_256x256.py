"""The pets at their own 256×256 with the reference report's augmentation: flip and colour.

Training masks are the corrected ones, validation masks the original ones.
"""

_base_ = './folder_256x256.py'

data_root = '{{$PETS_ROOT:data/pets}}'
# Of background, cat and dog, as in the reference report.
class_weights = dict(
    baseline=[0.2, 1.0, 1.0],
    balanced=[0.37, 6.67, 6.67],
    median_frequency=[0.055, 1.0, 1.19],
)

train_dataloader = dict(dataset=dict(data_root=data_root, labels='labels_fixed'))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
