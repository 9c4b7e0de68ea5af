"""The demo: a small U-Net from scratch on the synthetic pets.

Hypothesis: drawn cats and dogs can be learnt from nothing in minutes on two CPU cores; test mDice of 75 or more.

Run: python tools/make_demo_data.py .demo/data
     python tools/train.py configs/demo/fcn_unet-s5-w16_ce-dice-adamw-800it_demo-128x128.py
"""

_base_ = [
    '../_base_/datasets/demo_128x128.py',
    '../_base_/models/fcn_unet-s5-d16.py',
    '../_base_/schedules/adamw_1200it.py',
]

model = dict(
    backbone=dict(base_channels=16),
    decode_head=dict(
        in_channels=16,
        channels=16,
        loss_decode=[
            dict(type='mmseg_ext.CrossEntropy'),
            dict(type='mmseg_ext.Dice'),
        ],
    ),
    auxiliary_head=None,
)
train_cfg = dict(max_iters=800, val_interval=100)
optim_wrapper = dict(optimizer=dict(lr=2e-3), paramwise_cfg=dict(custom_keys=dict(_delete_=True)))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=0.9, eta_min=1e-6, by_epoch=False, begin=50, end=800),
]
