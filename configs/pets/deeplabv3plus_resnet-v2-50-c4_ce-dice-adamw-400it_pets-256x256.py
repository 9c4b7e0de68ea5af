r"""A short training of the resnet-v2-50-c4 workhorse at 256 px, for trainings by the dozen (label ranking, ablations).

Hypothesis: what 400 iterations at the images' own size teach is enough to tell wrong masks from right ones.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-400it_pets-256x256.py
"""

_base_ = [
    '../_base_/datasets/pets-warp_256x256.py',
    '../_base_/models/deeplabv3plus_resnet-v2-50-c4.py',
    '../_base_/schedules/adamw_400it.py',
]

model = dict(backbone=dict(frozen_stages=1))
