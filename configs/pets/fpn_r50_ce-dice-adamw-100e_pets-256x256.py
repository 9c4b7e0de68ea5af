"""Semantic FPN where DeepLabV3+ has atrous convolutions: the same ImageNet ResNet-50, losses and schedule.

Hypothesis: at 256 px stride 32 sees the whole animal, so that a pyramid of plain convolutions finds as much as ASPP at
stride 8, at a quarter of the computation.

Run: PETS_ROOT=DATA python tools/train.py configs/pets/fpn_r50_ce-dice-adamw-100e_pets-256x256.py
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/fpn_r50.py',
    '../_base_/schedules/adamw_100e.py',
]

ce, dice = _base_.ce_dice
model = dict(
    data_preprocessor=_base_.pad_to_crop,
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.median_frequency), dice]),
)
