r"""Experiment 1 on EfficientNet-Lite0 with the optimizer of experiment 2: AdamW 1e-4, without Dice.

Hypothesis: it is the optimizer, not the Dice loss, that makes experiment 2 better than experiment 1.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-median-aug-adamw-100e_pets-256x256.py
Result: val mDice 83.19 (95 % interval 80.30–85.58), no TTA; seed 0, one seed, about 30 minutes on one core of an
AMD EPYC (Zen 5), commit 8b27d75.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite0.py',
    '../_base_/schedules/adamw_100e.py',
]

ce = dict(type='mmseg_ext.CrossEntropyLoss', class_weight=_base_.class_weights.median_frequency)
model = dict(data_preprocessor=_base_.pad_to_crop, decode_head=dict(loss_decode=[ce]))
