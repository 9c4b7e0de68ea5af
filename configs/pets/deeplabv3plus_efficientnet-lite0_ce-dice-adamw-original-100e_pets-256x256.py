r"""The mean-Dice experiment on EfficientNet-Lite0, trained on the original masks.

Hypothesis: correcting the train masks is worth some points. Of the 198 of them 148 differ from the original ones; the
reference counts 299 redrawn masks, over train and val.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-dice-adamw-original-100e_pets-256x256.py
Result: val mDice 65.60 (95 % interval 62.89–68.21) after 10 of the 100 epochs, no TTA; seed 0, one seed, 4 minutes
on two cores of an AMD EPYC (Zen 4), commit 6f2e47d.
"""

_base_ = './deeplabv3plus_efficientnet-lite0_ce-dice-adamw-100e_pets-256x256.py'

train_dataloader = dict(dataset=dict(labels='labels'))
