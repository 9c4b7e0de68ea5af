"""Fine-tuning of an ImageNet backbone: AdamW, warm-up, polynomial decay, EMA, bfloat16."""

_base_ = '../default_runtime.py'

train_cfg = dict(type='IterBasedTrainLoop', max_iters=1200, val_interval=200)
val_cfg = dict(type='mmseg_ext.ValLoop', dtype='bfloat16')
test_cfg = dict(type='mmseg_ext.TestLoop', dtype='bfloat16')

optim_wrapper = dict(
    type='AmpOptimWrapper',  # mmseg_ext.AutocastOptimWrapper, by the name that mmseg's train.py --amp accepts
    _scope_='mmseg_ext',
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=3e-4, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
    clip_grad=dict(max_norm=5.0),
    # A custom key excludes the other rules: norms and biases of the backbone decay.
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.3)}, norm_decay_mult=0.0, bias_decay_mult=0.0),
)
warm_up = dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=50)
decay = dict(type='PolyLR', power=0.9, eta_min=1e-6, by_epoch=False, begin=50, end=1200)
param_scheduler = [warm_up, decay]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=100))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EMAHook', ema_type='mmseg_ext.MomentumAnnealingEMA', momentum=0.002, gamma=5, update_buffers=True),
]
