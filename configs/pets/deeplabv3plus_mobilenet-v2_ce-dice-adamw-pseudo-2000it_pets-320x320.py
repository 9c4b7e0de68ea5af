r"""MobileNetV2 as a student of an ensemble: half of every batch are images that two unlike models have labelled.

Hypothesis: a student of other architectures than its own gains more than a student of itself.

Run: mmseg-ext pseudo-label ENSEMBLE IMAGES --out PSEUDO   (docs/pseudo-labels.md)
     MMSEG_EXT_WEIGHTS=WEIGHTS PETS_ROOT=DATA PSEUDO_ROOT=PSEUDO python tools/train.py \
     configs/pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-pseudo-2000it_pets-320x320.py
"""

_base_ = [
    '../_base_/datasets/pets-pseudo_320x320.py',
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/schedules/adamw_2000it.py',
]
