"""The recipe of ``adamw_1000it_from-scratch`` for 400 iterations."""

_base_ = './adamw_1000it_from-scratch.py'

train_cfg = dict(max_iters=400, val_interval=100)
param_scheduler = [_base_.warm_up, dict(_base_.decay, end=400)]
