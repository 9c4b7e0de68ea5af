"""Experiment 2, the report's choice: experiment 1 with mmsegmentation's Dice loss beside CE, and AdamW 1e-4.

Hypothesis: a loss that sees overlap and an optimizer that adapts each rate mend what weighting could not.
Reference figure: val mDice 89.01; test mDice 88.75 (Dice 98.78 / 85.64 / 81.82, Acc 98.66 / 87.91 / 81.06).

mmsegmentation's ``DiceLoss`` stands here with its defaults, as in the report: sigmoid, one joint Dice over all classes
and pixels, ignored pixels counted. `…_ce-dice-adamw-100e_…` is the same experiment with a mean of class Dices.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deeplabv3plus_r50-d8_ce-mmseg-dice-adamw-100e_pets-256x256.py
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/schedules/adamw_100e.py',
]

class_weight = _base_.class_weights.median_frequency
ce = dict(type='mmseg_ext.CrossEntropyLoss', class_weight=class_weight)
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[ce, dict(type='DiceLoss', loss_weight=1.0)]),
    auxiliary_head=dict(loss_decode=dict(class_weight=class_weight)),
)
