"""The recipe of ``adamw_1200it`` for 400 iterations."""

_base_ = './adamw_1200it.py'

train_cfg = dict(max_iters=400, val_interval=200)
param_scheduler = [_base_.warm_up, dict(_base_.decay, end=400)]
