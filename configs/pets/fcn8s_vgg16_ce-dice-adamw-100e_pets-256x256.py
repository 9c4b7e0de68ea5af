"""FCN-8s on an ImageNet VGG-16 with the recipe of experiment 2.

Hypothesis: coarse class scores and two skips find the animals but not their thin parts; DeepLabV3+ gains at edges.
Reference figure: none of its own; DeepLabV3+ with the report's Dice loss reached val mDice 89.01 (experiment 2).

Run: PETS_ROOT=DATA python tools/train.py configs/pets/fcn8s_vgg16_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/fcn8s_vgg16.py',
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
