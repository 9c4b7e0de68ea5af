r"""FCN-8s from scratch in minutes (Long et al., arXiv 1411.4038).

Hypothesis: scores of three depths, added and enlarged, place an animal but draw a coarse outline. One of six
architectures at equal data, steps and augmentation (docs/models.md).

Result: val mDice 59.74 (95 % interval 56.25–62.87), Dice 94.36 / 42.85 / 42.01; one seed, 16 minutes on one core of
an AMD EPYC.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/fcn8s_vgg16_ce-dice-adamw-scratch-400it_pets-128x128.py
"""

_base_ = [
    '../_base_/datasets/pets_128x128.py',
    '../_base_/models/fcn8s_vgg16.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

ce, dice = _base_.ce_dice
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(
        channels=1024,  # of 4096: most of a step went into these two layers
        loss_decode=[dict(ce, class_weight=_base_.class_weights.baseline), dice],
    ),
)
optim_wrapper = dict(optimizer=dict(lr=3e-4))  # not 1e-3, as for the networks with batch norm
