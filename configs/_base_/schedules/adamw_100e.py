"""The reference report's second schedule: AdamW 1e-4, polynomial decay to 0 over 100 epochs."""

_base_ = './sgd_100e.py'

optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=0.01, fused=True))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=True, begin=0, end=100, convert_to_iter_based=True)
]
