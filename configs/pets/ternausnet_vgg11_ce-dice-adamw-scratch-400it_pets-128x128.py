r"""TernausNet-11 from scratch in minutes (Iglovikov and Shvets, arXiv 1801.05746).

Hypothesis: without the ImageNet weights that it was made for, it is a U-Net without batch norm. One of six
architectures at equal data, steps and augmentation (docs/models.md).

Result: val mDice 53.99 (95 % interval 51.25–56.75), Dice 93.64 / 36.38 / 31.94; one seed, 14 minutes on one core of
an AMD EPYC.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/ternausnet_vgg11_ce-dice-adamw-scratch-400it_pets-128x128.py
"""

_base_ = [
    '../_base_/datasets/pets_128x128.py',
    '../_base_/models/ternausnet_vgg11.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

ce, dice = _base_.ce_dice
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.baseline), dice]),
)
optim_wrapper = dict(optimizer=dict(lr=3e-4))  # not 1e-3, as for the networks with batch norm
