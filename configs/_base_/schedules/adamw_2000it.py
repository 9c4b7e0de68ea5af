"""The recipe of ``adamw_1200it`` for 2,000 iterations."""

_base_ = './adamw_1200it.py'

train_cfg = dict(max_iters=2000)
param_scheduler = [_base_.warm_up, dict(_base_.decay, end=2000)]
