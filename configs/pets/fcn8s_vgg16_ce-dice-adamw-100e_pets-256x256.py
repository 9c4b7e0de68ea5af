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

ce, dice = _base_.ce_dice
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.median_frequency), dice]),
)
