r"""Local workhorse: pre-activation ResNet-50 (C4), DeepLabV3+-style head with two skips, CE + Dice, 384 px.

Hypothesis: the larger input and the second skip carry the backbone beyond what 256 px reach (87.6 without, 89.0 with
flips).

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-1200it_pets-384x384.py
Result: val mDice 88.97 (95 % interval 86.15–91.40) with TTA, 88.84 without; one seed, 56 minutes on two CPU cores.
"""

_base_ = [
    '../_base_/datasets/pets_384x384.py',
    '../_base_/models/deeplabv3plus_resnet-v2-50-c4.py',
    '../_base_/schedules/adamw_1200it.py',
]

# The stem and the first stage have seen ImageNet; 198 images teach them nothing new, and steps cost a fifth less.
model = dict(backbone=dict(frozen_stages=1))
