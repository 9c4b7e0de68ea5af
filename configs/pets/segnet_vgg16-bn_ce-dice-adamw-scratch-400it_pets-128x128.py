r"""SegNet from scratch in minutes (Badrinarayanan et al., arXiv 1511.00561).

Hypothesis: indices of the maxima carry outlines through the bottleneck, without the features of the encoder. One of
six architectures at equal data, steps and augmentation (docs/models.md).

Result: val mDice 44.46 (95 % interval 42.29–46.41), Dice 93.52 / 39.86 / 0.00; one seed, 21 minutes on one core of an
AMD EPYC.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/segnet_vgg16-bn_ce-dice-adamw-scratch-400it_pets-128x128.py
"""

_base_ = [
    '../_base_/datasets/pets_128x128.py',
    '../_base_/models/segnet_vgg16-bn.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

ce, dice = _base_.ce_dice
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.baseline), dice]),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
