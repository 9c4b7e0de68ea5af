r"""U-Net + FPN from scratch in minutes.

The U-Net of ``fcn_unet-s5-d16-w32``, all levels of its decoder read by a feature-pyramid head.

Hypothesis: a class that is read from every level is mixed less than one that rests on the finest map. One of six
architectures at equal data, steps and augmentation (docs/models.md).

Result: val mDice 62.33 (95 % interval 58.43–65.80), Dice 94.55 / 45.14 / 47.31; one seed, 8.6 minutes on one core of
an AMD EPYC.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/unet-fpn_s5-d16-w32_ce-dice-adamw-scratch-400it_pets-128x128.py
"""

_base_ = [
    '../_base_/datasets/pets_128x128.py',
    '../_base_/models/unet-fpn_s5-d16-w32.py',
    '../_base_/schedules/adamw_400it_from-scratch.py',
]

ce, dice = _base_.ce_dice
model = dict(
    decode_head=dict(loss_decode=[dict(ce, class_weight=_base_.class_weights.baseline), dice]),
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
