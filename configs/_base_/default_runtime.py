"""Base of all experiments: scope, runner, logging, checkpoints, records."""

default_scope = 'mmseg'
runner_type = 'mmseg_ext.Runner'

env_cfg = dict(
    cudnn_benchmark=True, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0), dist_cfg=dict(backend='nccl')
)
randomness = dict(seed=0)
log_level = 'INFO'
load_from = None
resume = False

val_evaluator = dict(type='mmseg_ext.SegMetric')
test_evaluator = dict(type='mmseg_ext.SegMetric')

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='mmseg_ext.CheckpointHook', save_best='mDice', rule='greater', max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    start_checks=dict(type='mmseg_ext.StartChecksHook'),
    visualization=dict(type='mmseg_ext.VisualizationHook'),  # draws where draw=True or --show-dir asks for it
)
custom_hooks = [
    dict(type='mmseg_ext.ChannelsLastHook'),
    dict(type='mmseg_ext.RecordsHook'),
    dict(type='mmseg_ext.ScalarsHook'),
    dict(type='mmseg_ext.ProgressHook'),
    dict(type='mmseg_ext.InvalidLossHook'),
    dict(type='mmseg_ext.ClassWeightsHook'),
    dict(type='mmseg_ext.SoftTargetsHook'),
    dict(type='mmseg_ext.RunRecordHook'),
]
log_processor = dict(by_epoch=False)
visualizer = dict(type='SegLocalVisualizer', vis_backends=[], name='visualizer')
tta_model = dict(type='mmseg_ext.ProbabilityTTAModel')
