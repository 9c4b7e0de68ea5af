"""The recipe of ``adamw_1000it_from-scratch`` for 400 iterations."""

_base_ = './adamw_1000it_from-scratch.py'

train_cfg = dict(max_iters=400, val_interval=100)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=0.9, eta_min=1e-6, by_epoch=False, begin=50, end=400),
]
