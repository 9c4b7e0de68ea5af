"""Baseline: DeepLabV3+ on an ImageNet ResNet-50, balanced class weights, everything else as in the U-Net.

Hypothesis: ImageNet pretraining, not the decoder, is what the U-Net lacks.
Reference figure: val mDice 81.88 (Dice 96.6 / 78.77 / 70.27, Acc 94.24 / 92.87 / 87.25).

Run: PETS_ROOT=DATA python tools/train.py configs/pets/deeplabv3plus_r50-d8_ce-sgd-100e_pets-256x256.py
"""

_base_ = [
    '../_base_/datasets/pets_256x256.py',
    '../_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/schedules/sgd_100e.py',
]

class_weight = _base_.class_weights.balanced
model = dict(
    decode_head=dict(loss_decode=dict(class_weight=class_weight)),
    auxiliary_head=dict(loss_decode=dict(class_weight=class_weight)),
)
