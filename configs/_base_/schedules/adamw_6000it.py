"""SegFormer's recipe for a small data set: AdamW 6e-5, ten times that for the head, 6000 iterations.

The base rate, the number of iterations and the batch are the public record's; warm-up (here a tenth of the run) and the
head's factor are those of Xie et al., SegFormer, arXiv 2105.15203, which the record does not state.
"""

_base_ = '../default_runtime.py'

train_cfg = dict(type='IterBasedTrainLoop', max_iters=6000, val_interval=250)
val_cfg = dict(type='mmseg_ext.ValLoop', dtype='bfloat16')
test_cfg = dict(type='mmseg_ext.TestLoop', dtype='bfloat16')

optim_wrapper = dict(
    type='AmpOptimWrapper',  # mmseg_ext.AutocastOptimWrapper, by the name that mmseg's train.py --amp accepts
    _scope_='mmseg_ext',
    dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
    paramwise_cfg=dict(
        custom_keys={'pos_block': dict(decay_mult=0.0), 'norm': dict(decay_mult=0.0), 'head': dict(lr_mult=10.0)}
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=600),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=600, end=6000),
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=250))
