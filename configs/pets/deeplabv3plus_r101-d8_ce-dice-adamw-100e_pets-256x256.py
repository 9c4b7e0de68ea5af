"""DeepLabV3+ with a deeper encoder, everything else as with ResNet-50 (report's wish list).

Hypothesis: with 198 images the pretrained features decide, and ResNet-101 has better ones; twice the layers to
spoil by training cost less than that.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deeplabv3plus_r101-d8_ce-dice-adamw-100e_pets-256x256.py
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/deeplabv3plus_r101-d8.py',
    '../_base_/schedules/adamw_100e.py',
]

class_weight = _base_.class_weights.median_frequency
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropyLoss', class_weight=class_weight),
            dict(type='mmseg_ext.DiceLoss'),
        ]
    ),
    auxiliary_head=dict(loss_decode=dict(class_weight=class_weight)),
)
