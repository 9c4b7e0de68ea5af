r"""The mean-Dice experiment on EfficientNet-Lite0, trained on the original masks.

Hypothesis: the 299 masks that were redrawn are worth some points.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-dice-adamw-original-100e_pets-256x256.py
"""

_base_ = './deeplabv3plus_efficientnet-lite0_ce-dice-adamw-100e_pets-256x256.py'

train_dataloader = dict(dataset=dict(labels='labels'))
