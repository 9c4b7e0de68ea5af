"""One flat section a config."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.runs.hyperparameters import AUGMENTATION, data_sources, hyperparameters

CONFIG: dict[str, Any] = {
    'model': {
        'type': 'EncoderDecoder',
        'backbone': {
            'type': 'mmseg_ext.ResNetV2', 'depth': 50,
            'init_cfg': {'type': 'Pretrained', 'checkpoint': 'weights://r50.pth'},
        },
        'decode_head': {
            'type': 'mmseg_ext.SkipASPPHead', 'wide': True, 'align_corners': False,
            'loss_decode': [
                {'type': 'mmseg_ext.CrossEntropyLoss', 'class_weight': [0.055, 1.0, 1.19]},
                {'type': 'mmseg_ext.DiceLoss', 'loss_weight': 3.0},
            ],
        },
        'auxiliary_head': {
            'type': 'FCNHead',
            'loss_decode': {
                'type': 'CrossEntropyLoss', 'loss_weight': 0.4,
                'class_weight': {
                    'type': 'mmseg_ext.MedianFrequencyWeights', 'data_root': '/home/x/pets', 'labels': 'labels',
                },
            },
        },
    },
    'load_from': '/somewhere/else/student/iter_2000.pth',
    'optim_wrapper': {
        'type': 'mmseg_ext.AutocastOptimWrapper',
        'optimizer': {'type': 'AdamW', 'lr': 1e-4, 'weight_decay': 0.01, 'betas': (0.9, 0.999)},
        'clip_grad': {'max_norm': 5.0},
        'paramwise_cfg': {'custom_keys': {'backbone': {'lr_mult': 0.3}}, 'norm_decay_mult': 0.0},
    },
    'param_scheduler': [{'type': 'LinearLR', 'end': 50}, {'type': 'PolyLR', 'power': 0.9}],
    'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 400},
    'train_dataloader': {
        'batch_size': 8,
        'dataset': {
            'type': 'ConcatDataset',
            'datasets': [
                {'type': 'RepeatDataset', 'times': 7, 'dataset': {
                    'type': 'FolderDataset', 'data_root': '/data/pets', 'labels': 'labels_fixed', 'split': 'train',
                    'pipeline': [{'type': 'mmseg_ext.LoadImage'}, {'type': 'RandomCrop', 'crop_size': (320, 256)},
                                 {'type': 'RandomFlip', 'prob': 0.5}]}},
                {'type': 'MultiImageMixDataset', 'dataset': {'type': 'X', 'data_root': '/data/more', 'pipeline': []},
                 'pipeline': [{'type': 'mmseg_ext.Mosaic', 'tile': 256}, {'type': 'RandomFlip', 'prob': 0.1}]},
            ],
        },
    },
    'val_dataloader': {
        'dataset': {'data_root': '/data/pets', 'split': 'val', 'pipeline': [{'type': 'Resize', 'scale': (320, 320)}]}
    },
    'custom_hooks': [{'type': 'EMAHook', 'momentum': 0.002}],
    'randomness': {'seed': 3},
}  # fmt: skip


def test_attention_frozen_weights_and_mixes_of_batches_are_told() -> None:
    head = {'type': 'mmseg_ext.AttentionHead', 'head_type': 'FCNHead', 'attention': {'type': 'mmseg_ext.SE'}}
    mixes = [{'type': 'mmseg_ext.MixUp', 'alpha': 0.2}, {'type': 'mmseg_ext.ClassMix', 'prob': 0.3}]
    model = {
        'backbone': {'type': 'mmseg_ext.DINOv2', 'frozen': True},
        'neck': {'type': 'FPN'},
        'decode_head': head,
        'data_preprocessor': {'batch_augments': {'type': 'mmseg_ext.BatchMix', 'mixes': mixes}},
    }
    found = hyperparameters({'model': model})
    told = {'frozen_stages': 'all', 'neck': 'FPN', 'head': 'FCNHead', 'attention': 'SE'}
    told |= {'augmentations': 'MixUp + ClassMix', 'augmentation.MixUp': 'alpha=0.2'}
    told |= {'augmentation.ClassMix': 'prob=0.3'}
    assert found.items() >= told.items()
    model['data_preprocessor'] = {'batch_augments': mixes[1]}
    assert hyperparameters({'model': model})['augmentations'] == 'ClassMix'


def test_a_neck_in_a_neck_and_the_weights_of_mixes_are_told() -> None:
    mixes = [{'type': 'mmseg_ext.CutMix'}, {'type': 'mmseg_ext.ClassMix'}]
    mix = {'type': 'mmseg_ext.BatchMix', 'mixes': mixes, 'weights': [1, 3]}
    neck = {'type': 'mmseg_ext.AttentionNeck', 'attention': {'type': 'mmseg_ext.SE'}, 'neck': {'type': 'FPN'}}
    found = hyperparameters({'model': {'neck': neck, 'data_preprocessor': {'batch_augments': mix}}})
    told = {'neck': 'AttentionNeck + FPN', 'attention': 'SE', 'augmentations': 'BatchMix + CutMix + ClassMix'}
    assert found.items() >= {**told, 'augmentation.BatchMix': 'weights=[1, 3]'}.items()


def test_what_custom_keys_leave_to_the_rules_for_norms_and_biases() -> None:
    rules = {'norm_decay_mult': 0.0, 'bias_decay_mult': 0.0}
    keys = {'pos': {'decay_mult': 0.5}, 'head': {'lr_mult': 10}}

    def told(paramwise: dict[str, Any]) -> Any:
        return hyperparameters({'optim_wrapper': {'paramwise_cfg': paramwise}})['decay_mult']

    assert told(rules) == 'bias 0, norm 0'
    assert told({**rules, 'custom_keys': keys}) == 'pos 0.5; bias 0, norm 0 (outside custom keys)'
    assert told({'custom_keys': keys}) == 'pos 0.5'


def test_what_is_found_in_a_config() -> None:
    assert hyperparameters(CONFIG) == {
        'model': 'EncoderDecoder',
        'backbone': 'ResNetV2',
        'depth': 50,
        'frozen_stages': 'none',
        'neck': 'none',
        'head': 'SkipASPPHead(wide=True)',
        'auxiliary_head': 'FCNHead',
        'attention': 'none',
        'pretrained': 'r50.pth',
        'load_from': 'student/iter_2000.pth',
        'loss': 'mmseg_ext.CrossEntropyLoss + mmseg_ext.DiceLoss',
        'loss_weight': '1, 3',
        'class_weight': '0.055, 1, 1.19',
        'auxiliary_loss': 'CrossEntropyLoss',
        'auxiliary_loss_weight': '0.4',
        'auxiliary_class_weight': 'MedianFrequencyWeights(data_root=pets, labels=labels)',
        'optimizer': 'AdamW',
        'lr': 1e-4,
        'weight_decay': 0.01,
        'momentum': '0.9, 0.999',
        'lr_mult': 'backbone 0.3',
        'decay_mult': 'norm 0 (outside custom keys)',
        'clip_grad': 5.0,
        'precision': 'bfloat16',
        'schedule': 'LinearLR(end=50) + PolyLR(power=0.9)',
        'epochs': 'none',
        'iterations': 400,
        'batch_size': 8,
        'accumulation': 1,
        'ema': '0.002',
        'dataset': 'pets + more',
        'labels': 'labels_fixed + labels',
        'split': 'train + none',
        'val_labels': 'labels',
        'crop': '320×256',
        'test_size': '320×320',
        'augmentations': 'RandomCrop + RandomFlip + Mosaic',
        'augmentation.RandomCrop': 'crop_size=[320, 256]',
        'augmentation.RandomFlip': 'prob=0.5 + prob=0.1',
        'augmentation.Mosaic': 'tile=256',
        'seed': 3,
    }


def test_the_sources_of_the_data() -> None:
    assert data_sources(CONFIG) == [
        ('/data/pets', 'labels_fixed', 'train'), ('/data/more', 'labels', 'train'), ('/data/pets', 'labels', 'val')
    ]  # fmt: skip


def test_an_empty_config_has_the_same_keys() -> None:
    empty = hyperparameters({})
    assert set(empty) == {name for name in hyperparameters(CONFIG) if not name.startswith(AUGMENTATION)}
    assert {empty[name] for name in ('model', 'loss', 'optimizer', 'lr', 'seed', 'dataset', 'crop')} == {'none'}


def test_every_config_of_the_repository_is_comparable(repo_root: Path) -> None:
    config = pytest.importorskip('mmengine.config').Config
    files = sorted(path for folder in ('pets', 'demo') for path in (repo_root / 'configs' / folder).glob('*.py'))
    found = {path.stem: hyperparameters(config.fromfile(path)) for path in files}
    keys = {frozenset(name for name in one if not name.startswith(AUGMENTATION)) for one in found.values()}
    assert len(keys) == 1
    for one in found.values():
        assert all(isinstance(value, str | int | float) for value in one.values())
        assert 'none' not in {str(one[name]) for name in ('model', 'backbone', 'loss', 'optimizer', 'lr', 'schedule')}
        assert one['epochs'] == 'none' or one['iterations'] == 'none'
        assert not any('/home' in str(value) or 'dict(' in str(value) or "{'" in str(value) for value in one.values())
    best = found.pop('best')  # names another
    assert len({str(one) for one in found.values()}) == len(found)
    assert best in found.values()


def test_it_imports_no_heavy_library() -> None:
    code = 'import sys, mmseg_ext.runs.hyperparameters; print({"torch", "mmengine", "clearml"} & set(sys.modules))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'set()'


def test_teachers_stand_by_their_last_part() -> None:
    teachers = [{'config': 'a.py', 'checkpoint': 'runs/a/best.pth'}, {'config': 'b.py', 'checkpoint': '/runs/b'}]
    hook = {'type': 'mmseg_ext.DistillationHook', 'teacher': teachers, 'temperature': 3.0}
    assert hyperparameters({'custom_hooks': [hook]})['distillation'] == 'best.pth + b + temperature 3.0'
    assert 'distillation' not in hyperparameters({})


@pytest.mark.parametrize(
    ('wrapper', 'precision'),
    [
        ({'type': 'OptimWrapper', '_scope_': 'mmseg_ext'}, 'float32'),
        ({'type': 'AmpOptimWrapper', '_scope_': 'mmseg_ext'}, 'bfloat16'),  # ours, by the name that mmseg's tools know
        ({'type': 'AmpOptimWrapper', '_scope_': 'mmseg_ext', 'dtype': None}, 'float32'),
        ({'type': 'AmpOptimWrapper'}, 'float16'),
    ],
)
def test_the_precision_of_wrappers_that_name_none(wrapper: dict, precision: str) -> None:
    assert hyperparameters({'optim_wrapper': wrapper})['precision'] == precision
