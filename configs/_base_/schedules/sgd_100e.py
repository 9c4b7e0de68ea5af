"""The reference report's baseline schedule: SGD 0.01, momentum 0.9, polynomial decay to 1e-4 over 100 epochs."""

_base_ = '../default_runtime.py'

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=5)
val_cfg = dict(type='mmseg_ext.ValLoop', dtype='bfloat16')
test_cfg = dict(type='mmseg_ext.TestLoop', dtype='bfloat16')

optim_wrapper = dict(
    type='AmpOptimWrapper',  # mmseg_ext.AutocastOptimWrapper, by the name that mmseg's train.py --amp accepts
    _scope_='mmseg_ext',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4, fused=True),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-4, by_epoch=True, begin=0, end=100, convert_to_iter_based=True)
]
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=1))
