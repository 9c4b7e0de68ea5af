r"""Experiment 1 on EfficientNet-Lite0 with the loss of experiment 2: mmsegmentation's Dice loss, still SGD.

Hypothesis: it is the Dice loss, not the optimizer, that makes experiment 2 better than experiment 1.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-mmseg-dice-sgd-100e_pets-256x256.py
Result: val mDice 80.66 (95 % interval 76.91–84.01), no TTA; seed 0, one seed, about 30 minutes on one core of an
AMD EPYC (Zen 5), commit 8b27d75.
"""

_base_ = './deeplabv3plus_efficientnet-lite0_ce-median-aug-sgd-100e_pets-256x256.py'

model = dict(decode_head=dict(loss_decode=[_base_.ce, dict(type='DiceLoss', loss_weight=1.0)]))
