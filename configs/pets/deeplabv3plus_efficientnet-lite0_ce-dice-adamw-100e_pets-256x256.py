r"""Experiment 2 on EfficientNet-Lite0 with a Dice loss that is the mean over the classes.

Hypothesis: a joint Dice is ruled by the background, which is 91 % of the pixels; the mean over classes is not.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-dice-adamw-100e_pets-256x256.py
Result: val mDice 64.82 (95 % interval 62.08–67.46) after 10 of the 100 epochs, no TTA; seed 0, one seed, 4 minutes
on two cores of an AMD EPYC (Zen 4), commit 6f2e47d.
"""

_base_ = './deeplabv3plus_efficientnet-lite0_ce-median-aug-adamw-100e_pets-256x256.py'

model = dict(decode_head=dict(loss_decode=[_base_.ce, dict(type='mmseg_ext.DiceLoss', loss_weight=1.0)]))
