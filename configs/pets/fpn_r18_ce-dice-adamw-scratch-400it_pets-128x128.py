r"""Semantic FPN on ResNet-18 from scratch in minutes (Kirillov et al., arXiv 1901.02446).

Hypothesis: residual blocks learn fastest from nothing, at the price of outlines drawn at a quarter of the size. One
of six architectures at equal data, steps and augmentation (docs/models.md).

Result: val mDice 57.95 (95 % interval 53.91–61.83), Dice 94.49 / 42.24 / 37.12; one seed, 4.8 minutes on one core of
an AMD EPYC.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/fpn_r18_ce-dice-adamw-scratch-400it_pets-128x128.py
"""

_base_ = [
    '../_base_/datasets/pets_128x128.py',
    '../_base_/models/fpn_r18.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

ce, dice = _base_.ce_dice
model = dict(
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.baseline), dice]),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
