"""Experiment 2, the report's choice: experiment 1 with mmsegmentation's Dice loss beside CE, and AdamW 1e-4.

Hypothesis: a loss that sees overlap and an optimizer that adapts each rate mend what weighting could not.
Reference figure: val mDice 89.01; test mDice 88.75 (Dice 98.78 / 85.64 / 81.82, Acc 98.66 / 87.91 / 81.06).

mmsegmentation's ``DiceLoss`` stands here with its defaults, as in the report: sigmoid, one joint Dice over all classes
and pixels, ignored pixels counted. `…_ce-dice-adamw-100e_…` is the same experiment with a mean of class Dices.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deeplabv3plus_r50-d8_ce-mmseg-dice-adamw-100e_pets-256x256.py
"""

_base_ = './deeplabv3plus_r50-d8_ce-median-aug-sgd-100e_pets-256x256.py'

class_weight = [0.055, 1.0, 1.19]
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropyLoss', class_weight=class_weight),
            dict(type='DiceLoss', loss_weight=1.0),
        ]
    ),
)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=0.01))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=True, begin=0, end=100, convert_to_iter_based=True)
]
