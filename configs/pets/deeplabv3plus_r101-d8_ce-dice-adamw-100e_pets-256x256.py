"""DeepLabV3+ with a deeper encoder, everything else as with ResNet-50 (report's wish list).

Hypothesis: with 198 photographs the pretrained features decide, and ResNet-101 has better ones; twice the layers to
spoil by training cost less than that.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deeplabv3plus_r101-d8_ce-dice-adamw-100e_pets-256x256.py
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/deeplabv3plus_r101-d8.py',
    '../_base_/schedules/adamw_100e.py',
]

class_weight = [0.055, 1.0, 1.19]
model = dict(
    data_preprocessor=dict(size=(256, 256), size_divisor=None),
    decode_head=dict(
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropyLoss', class_weight=class_weight),
            dict(type='mmseg_ext.DiceLoss'),
        ]
    ),
    auxiliary_head=dict(loss_decode=dict(class_weight=class_weight)),
)
