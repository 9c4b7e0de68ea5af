"""The demo: a narrow pre-activation ResNet of six blocks, from scratch, on the synthetic pets.

Hypothesis: drawn cats and dogs can be told apart from nothing in minutes on two CPU cores; test mDice of 75 or more.

Result: test mDice 83.28 (95 % interval 79.90–86.32) with the 300 train images of `make demo`, trained and scored on the
exact masks (`labels_true`); seed 0, one seed, AMD EPYC (Zen 5), commit e46e346.

Run: python tools/train.py configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192.py
(after python tools/make_demo_data.py .demo/data; another place is told by $DEMO_DATA)
"""

_base_ = [
    '../_base_/datasets/demo_192x192.py',
    '../_base_/models/deeplabv3plus_resnet-v2-50-c4.py',
    '../_base_/schedules/adamw_1000it_from-scratch.py',
]

model = dict(
    backbone=dict(depth=(2, 2, 2), base_width=32, init_cfg=None),
    decode_head=dict(in_channels=[128, 256, 512], skip_channels=[16, 32], channels=64),
)
