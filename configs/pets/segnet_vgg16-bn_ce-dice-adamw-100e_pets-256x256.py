"""SegNet on an ImageNet VGG-16 with batch norm, with the recipe of experiment 2.

Hypothesis: the places of the maxima alone carry the edges back to full size; encoder maps need not be joined.
Reference figure: none of its own; DeepLabV3+ with the report's Dice loss reached val mDice 89.01 (experiment 2).

Run: PETS_ROOT=DATA python tools/train.py configs/pets/segnet_vgg16-bn_ce-dice-adamw-100e_pets-256x256.py
Result: not trained yet.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/segnet_vgg16-bn.py',
    '../_base_/schedules/adamw_100e.py',
]

ce, dice = _base_.ce_dice
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.median_frequency), dice]),
)
