"""Equal work for ours and for mmsegmentation alone: one data set, and a config of each kind on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Split
from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.errors import InputError
from mmseg_ext.runs.config import load_config

ENDLESS = 10**8  # iterations: the benchmark ends a training, not its config
CAT_MAX_RATIO = 0.75  # of the usual crop of mmsegmentation's configs
RATIO_RANGE = (0.5, 2.0)
# Parts of a model that mmsegmentation has by another name; the rest of a model is the same in both configs.
STOCK_PARTS = {
    'mmseg_ext.SegDataPreProcessor': 'SegDataPreProcessor',
    'mmseg_ext.CrossEntropyLoss': 'CrossEntropyLoss',
    'mmseg_ext.DiceLoss': 'DiceLoss',
    'mmseg_ext.BatchNorm': 'BN',
}
STOCK_LOSS_ARGUMENTS = ('type', 'loss_weight', 'loss_name')
CHEAP_MODEL = {
    'type': 'EncoderDecoder',
    'data_preprocessor': {
        'type': 'mmseg_ext.SegDataPreProcessor', 'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 57.375],
        'bgr_to_rgb': True, 'pad_val': 0, 'seg_pad_val': 255,
    },
    'backbone': {'type': 'mmseg_ext.MeanBackbone'},
    'decode_head': {
        'type': 'FCNHead', 'in_channels': 3, 'channels': 3, 'num_convs': 0, 'concat_input': False, 'num_classes': 3,
        'loss_decode': {'type': 'CrossEntropyLoss'},
    },
    'train_cfg': {},
    'test_cfg': {'mode': 'whole'},
}  # fmt: skip


@dataclass(frozen=True)
class Workload:
    """What both sides work on.

    Attributes:
        config: Config of the experiment, as `load_config` reads it.
        data: Root of the data set.
        size: Side of the crops in pixels.
        batch: Images a step.
        workers: Processes of each training loader.
    """

    config: Config
    data: Path
    size: int
    batch: int
    workers: int


def open_workload(
    name: str | Path, data: str | Path | None, folder: Path, *, images: int, size: int, batch: int | None, workers: int
) -> Workload:
    """Read a config, and make synthetic pets (``images`` for each of train and val) unless there is a data set."""
    config = load_config(name)
    if data is None:
        data = folder / 'pets'
        make_demo_data(data, DemoSettings(train=images, val=images, test=0, size=size))
    batch = batch or config.train_dataloader.batch_size
    return Workload(config, Path(data).resolve(), size, batch, workers)


def our_pipeline(size: int) -> list[dict[str, Any]]:
    """Return mmsegmentation's usual augmentation, by transforms of ours."""
    crop = {
        'type': 'mmseg_ext.RandomResizeCropFlip', 'scale': (size, size), 'ratio_range': RATIO_RANGE,
        'crop_size': (size, size), 'cat_max_ratio': CAT_MAX_RATIO,
    }  # fmt: skip
    load = [{'type': 'mmseg_ext.LoadImage'}, {'type': 'mmseg_ext.LoadMask'}]
    return [*load, crop, {'type': 'mmseg_ext.PhotoMetricDistortion'}, {'type': 'PackSegInputs'}]


def stock_pipeline(size: int) -> list[dict[str, Any]]:
    """Return mmsegmentation's usual augmentation, as its configs have it."""
    return [
        {'type': 'LoadImageFromFile'},
        {'type': 'LoadAnnotations'},
        {'type': 'RandomResize', 'scale': (size, size), 'ratio_range': RATIO_RANGE, 'keep_ratio': True},
        {'type': 'RandomCrop', 'crop_size': (size, size), 'cat_max_ratio': CAT_MAX_RATIO},
        {'type': 'RandomFlip', 'prob': 0.5},
        {'type': 'PhotoMetricDistortion'},
        {'type': 'PackSegInputs'},
    ]


def our_dataset(data: Path, split: str, pipeline: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the config of a split in our data set class."""
    return {
        'type': 'mmseg_ext.FolderDataset', 'data_root': str(data), 'split': split, 'labels': 'labels', 'cache': True,
        'pipeline': pipeline,
    }  # fmt: skip


def stock_dataset(data: Path, split: str, pipeline: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the config of a split in mmsegmentation's data set class.

    Raises:
        InputError: The images have several suffixes, which that class does not read.
    """
    suffixes = {path.suffix for path in Split(data, split, 'labels').images().values()}
    if len(suffixes) != 1:
        raise InputError(data, f'split {split}: images end in {sorted(suffixes)}', 'mmsegmentation reads only one kind')
    classes = Classes.read(data)
    return {
        'type': 'BaseSegDataset', 'data_root': str(data), 'img_suffix': suffixes.pop(), 'seg_map_suffix': '.png',
        'data_prefix': {'img_path': f'img/{split}', 'seg_map_path': f'labels/{split}'},
        'metainfo': {'classes': classes.names, 'palette': [list(colour) for colour in classes.palette]},
        'ignore_index': classes.ignore_index, 'reduce_zero_label': False, 'pipeline': pipeline,
    }  # fmt: skip


def our_config(workload: Workload) -> Config:
    """Return the experiment on the data, as ``mmseg-ext train`` takes it."""
    content = workload.config.to_dict()
    content['model'] = _model(content['model'], workload.size)
    content['custom_hooks'] = [*content.get('custom_hooks', []), {'type': 'mmseg_ext.TurnHook'}]
    content |= _loops(workload, our_dataset, our_pipeline(workload.size), val_type='mmseg_ext.ValLoop')
    content['val_cfg'] |= {'dtype': (workload.config.get('val_cfg') or {}).get('dtype')}
    content['val_evaluator'] = {'type': 'mmseg_ext.SegMetric'}
    return Config(content)


def stock_config(workload: Workload, *, keep_weights: bool = False) -> Config:
    """Return the same experiment without mmseg_ext, as far as mmsegmentation has its parts, in float32."""
    wrapper = workload.config.optim_wrapper.to_dict()
    kept = ('optimizer', 'clip_grad', 'paramwise_cfg', 'accumulative_counts')
    wrapper['optimizer'].pop('fused', None)  # one of our means; mmsegmentation's configs leave it at torch's default
    content: dict[str, Any] = {
        'default_scope': 'mmseg',
        'model': _stock_part(_model(workload.config.model.to_dict(), workload.size, keep_weights=keep_weights)),
        'optim_wrapper': {'type': 'OptimWrapper', **{key: wrapper[key] for key in kept if key in wrapper}},
        'default_hooks': {
            'timer': {'type': 'IterTimerHook'},
            'logger': {'type': 'LoggerHook', 'interval': 50, 'log_metric_by_epoch': False},
            'param_scheduler': {'type': 'ParamSchedulerHook'},
            'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': ENDLESS},
            'sampler_seed': {'type': 'DistSamplerSeedHook'},
            'visualization': {'type': 'SegVisualizationHook'},
        },
        'custom_hooks': [{'type': 'mmseg_ext.TurnHook'}],
        'env_cfg': {
            'cudnn_benchmark': True, 'mp_cfg': {'mp_start_method': 'fork', 'opencv_num_threads': 0},
            'dist_cfg': {'backend': 'nccl'},
        },
        'log_processor': {'by_epoch': False},
        'visualizer': {
            'type': 'SegLocalVisualizer', 'vis_backends': [{'type': 'LocalVisBackend'}], 'name': 'visualizer',
        },
        'val_evaluator': {'type': 'IoUMetric', 'iou_metrics': ['mIoU', 'mDice']},
    }  # fmt: skip
    content |= _loops(workload, stock_dataset, stock_pipeline(workload.size), val_type='ValLoop')
    return Config(content)


def _loops(workload: Workload, dataset: Any, pipeline: list[dict[str, Any]], val_type: str) -> dict[str, Any]:
    """Return loaders, loops and schedule; there is no test."""
    ours = val_type != 'ValLoop'
    load = ['mmseg_ext.LoadImage', 'mmseg_ext.LoadMask'] if ours else ['LoadImageFromFile', 'LoadAnnotations']
    resize = {'type': 'Resize', 'scale': (workload.size, workload.size), 'keep_ratio': True}
    val_pipeline = [{'type': load[0]}, resize, {'type': load[1]}, {'type': 'PackSegInputs'}]
    workers = {'num_workers': workload.workers, 'persistent_workers': workload.workers > 0}
    return {
        'train_dataloader': {
            'batch_size': workload.batch, **workers, 'sampler': {'type': 'InfiniteSampler', 'shuffle': True},
            'dataset': dataset(workload.data, 'train', pipeline),
        },
        'val_dataloader': {
            'batch_size': 8 if ours else 1, **workers, 'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': dataset(workload.data, 'val', val_pipeline),
        },
        'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': ENDLESS, 'val_interval': ENDLESS},
        'val_cfg': {'type': val_type},
        'param_scheduler': [{'type': 'PolyLR', 'power': 0.9, 'eta_min': 1e-6, 'by_epoch': False, 'end': ENDLESS}],
        'test_dataloader': None, 'test_cfg': None, 'test_evaluator': None, 'tta_model': None,
    }  # fmt: skip


def _model(model: Mapping[str, Any], size: int, *, keep_weights: bool = False) -> dict[str, Any]:
    """Return the model, with random weights unless they are kept, and its batches padded to the crop."""
    result: dict[str, Any] = dict(model) if keep_weights else _without(model, 'init_cfg')
    result['data_preprocessor'] |= {'size': (size, size), 'size_divisor': None}
    return result


def _without(node: Any, key: str) -> Any:
    if isinstance(node, Mapping):
        return {name: _without(value, key) for name, value in node.items() if name != key}
    return type(node)(_without(value, key) for value in node) if isinstance(node, list | tuple) else node


def _stock_part(node: Any) -> Any:
    """Replace the parts of a model that mmsegmentation has itself."""
    if isinstance(node, Mapping):
        part = {name: _stock_part(value) for name, value in node.items()}
        kind = part.get('type')
        if kind in STOCK_PARTS:
            part['type'] = STOCK_PARTS[kind]
            if part['type'].endswith('Loss'):
                part = {name: value for name, value in part.items() if name in STOCK_LOSS_ARGUMENTS}
            part.pop('batch_augments', None)
        return part
    return type(node)(_stock_part(value) for value in node) if isinstance(node, list | tuple) else node
