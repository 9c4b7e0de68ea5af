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

ce, dice = _base_.ce_dice
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.median_frequency), dice]),
)
