r"""Experiment 1 on EfficientNet-Lite0: random resize and crop, and median-frequency class weights.

Hypothesis: scale augmentation is what a small set lacks most.
Reference figure: val mDice 81.10, on ResNet-50.

Run: PETS_ROOT=DATA python tools/train.py \
     configs/pets/deeplabv3plus_efficientnet-lite0_ce-median-aug-sgd-100e_pets-256x256.py
Result: val mDice 77.03 (95 % interval 73.13–80.42), no TTA; seed 0, one seed, about 30 minutes on one core of an
AMD EPYC (Zen 5), commit 8b27d75.
"""

_base_ = [
    '../_base_/datasets/pets-resize-crop_256x256.py',
    '../_base_/models/deeplabv3plus_efficientnet-lite0.py',
    '../_base_/schedules/sgd_100e.py',
]

ce = dict(type='mmseg_ext.CrossEntropyLoss', class_weight=_base_.class_weights.median_frequency)
model = dict(data_preprocessor=_base_.pad_to_crop, decode_head=dict(loss_decode=[ce]))
