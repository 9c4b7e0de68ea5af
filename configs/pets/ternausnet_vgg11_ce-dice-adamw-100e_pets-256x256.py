"""TernausNet: a U-Net whose encoder is an ImageNet VGG-11, with the recipe of experiment 2.

Hypothesis: what the U-Net of the baseline lacks is pretraining, not another shape.
Reference figure: none of its own; the U-Net from scratch reached val mDice 58.70, experiment 2 89.01.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/ternausnet_vgg11_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/ternausnet_vgg11.py',
    '../_base_/schedules/adamw_100e.py',
]

model = dict(
    data_preprocessor=dict(size=(256, 256), size_divisor=None),
    decode_head=dict(
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropyLoss', class_weight=[0.055, 1.0, 1.19]),
            dict(type='mmseg_ext.DiceLoss', loss_weight=1.0),
        ]
    ),
)
