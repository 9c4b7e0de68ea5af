r"""U-Net of half the width from scratch in minutes (Ronneberger et al., arXiv 1505.04597).

Hypothesis: skips at every level draw the best outlines; what the animal is must come from the bottleneck alone. One
of six architectures at equal data, steps and augmentation (docs/models.md).

Result: val mDice 47.44 (95 % interval 44.98–49.67), Dice 95.11 / 47.21 / 0.00; one seed, 7.6 minutes on one core of
an AMD EPYC.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/fcn_unet-s5-d16-w32_ce-dice-adamw-scratch-400it_pets-128x128.py
"""

_base_ = [
    '../_base_/datasets/pets_128x128.py',
    '../_base_/models/fcn_unet-s5-d16-w32.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

ce, dice = _base_.ce_dice
model = dict(
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.baseline), dice]),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
