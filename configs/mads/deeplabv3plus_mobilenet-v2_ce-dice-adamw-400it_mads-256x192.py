r"""The mobilenet-v2 workhorse, ImageNet weights, cross entropy + Dice.

Hypothesis: ImageNet weights know persons from rooms, so that performances not seen in training are segmented too.

Run: MMSEG_EXT_WEIGHTS=WEIGHTS MADS_ROOT=DATA python tools/train.py \
     configs/mads/deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_mads-256x192.py
"""

_base_ = [
    '../_base_/datasets/mads_256x192.py',
    '../_base_/models/deeplabv3plus_mobilenet-v2.py',
    '../_base_/schedules/adamw_400it.py',
]

model = dict(decode_head=dict(num_classes=2))
