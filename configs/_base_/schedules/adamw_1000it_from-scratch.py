"""Short training from random weights: AdamW, warm-up, polynomial decay, bfloat16.

No EMA: the running statistics of random weights change too fast for an average of them to fit the averaged weights.
"""

_base_ = '../default_runtime.py'

train_cfg = dict(type='IterBasedTrainLoop', max_iters=1000, val_interval=200)
val_cfg = dict(type='mmseg_ext.ValLoop', dtype='bfloat16')
test_cfg = dict(type='mmseg_ext.TestLoop', dtype='bfloat16')

optim_wrapper = dict(
    type='AmpOptimWrapper',  # mmseg_ext.AutocastOptimWrapper, by the name that mmseg's train.py --amp accepts
    _scope_='mmseg_ext',
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
    clip_grad=dict(max_norm=5.0),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
warm_up = dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50)
decay = dict(type='PolyLR', power=0.9, eta_min=1e-6, by_epoch=False, begin=50, end=1000)
param_scheduler = [warm_up, decay]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100))
