"""What of a config tells two experiments apart."""

from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.runs.hyperparameters import hyperparameters
from mmseg_ext.runs.settings import differing_settings, settings


def config(**changes: Any) -> dict[str, Any]:
    """A config with changes, dots written as two underscores."""
    content: dict[str, Any] = {
        'model': {
            'type': 'EncoderDecoder',
            'data_preprocessor': {'type': 'SegDataPreProcessor', 'mean': [127.0, 127.0]},
            'backbone': {'type': 'VGG', 'base_width': 32, 'init_cfg': {'checkpoint': '/weights/vgg.pth'}},
            'decode_head': {
                'type': 'FCNHead', 'dropout_ratio': 0.1, 'loss_decode': [{'type': 'FocalLoss', 'gamma': 1}]
            },
            'test_cfg': {'mode': 'whole'},
        },
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 0.1}},
        'train_dataloader': {
            'num_workers': 2,
            'sampler': {'type': 'InfiniteSampler'},
            'dataset': {
                'type': 'FolderDataset', 'data_root': '/v1/pets',
                'pipeline': [{'type': 'LoadImage'}, {'type': 'RandomFlip', 'prob': 0.5}, {'type': 'PackSegInputs'}],
            },
        },
        'custom_hooks': [{'type': 'EMAHook', 'momentum': 0.1, 'begin_iter': 0}],
        'work_dir': 'work_dirs/a', 'randomness': {'seed': 0},
    }  # fmt: skip
    for name, value in changes.items():
        node: Any = content
        *outer, last = name.split('__')
        for key in outer:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        node[last] = value
    return content


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('model.decode_head.dropout_ratio', 0.5),
        ('model.decode_head.channels', 32),
        ('model.backbone.base_width', 64),
        ('model.decode_head.loss_decode.0.gamma', 2),
        ('model.decode_head.loss_decode.0.label_smoothing', 0.1),
        ('model.test_cfg.mode', 'slide'),
        ('model.data_preprocessor.mean', [0.0, 0.0]),
        ('optim_wrapper.optimizer.amsgrad', True),
        ('train_dataloader.sampler.type', 'DefaultSampler'),
        ('custom_hooks.0.begin_iter', 100),
        ('tta_pipeline', 'other'),
    ],
)
def test_what_the_hyperparameters_leave_out(key: str, value: Any) -> None:
    one, other = config(), config(**{key.replace('.', '__'): value})
    assert hyperparameters(one) == hyperparameters(other)
    own = settings(one).get(tuple(key.split('.')))
    assert own != value
    assert differing_settings([one, {}, other]) == {key: [own, None, value]}


@pytest.mark.parametrize(
    'changes',
    [
        {'work_dir': 'work_dirs/b', 'randomness': {'seed': 1}},
        {'train_dataloader__num_workers': 8, 'train_dataloader__dataset__cache': True},
        {'train_dataloader__dataset__data_root': '/home/other/pets/'},
        {'model__backbone__init_cfg': {'checkpoint': 'vgg.pth'}},
        {'custom_hooks': [*config()['custom_hooks'], {'type': 'mmseg_ext.ClearMLHook'}]},
        {'optim_wrapper__clip_grad': None, 'model__train_cfg': {}},
    ],
)
def test_what_makes_no_other_experiment(changes: dict[str, Any]) -> None:
    assert settings(config(**changes)) == settings(config())


def test_folds_have_other_images_and_are_one_experiment() -> None:
    first, second = (config(train_dataloader__dataset__indices=indices) for indices in ([0, 1], [2, 3]))
    assert settings(first) != settings(second)
    first['fold'] = second['fold'] = {'of': 2}
    assert settings(first) == settings(second)


def test_checkpoints_of_runs_are_told_by_their_folders() -> None:
    teachers = [f'/work_dirs/{name}/best_mDice_iter_100.pth' for name in 'ab']
    one, other = (config(custom_hooks__0__teacher={'checkpoint': teacher}) for teacher in teachers)
    key = 'custom_hooks.0.teacher.checkpoint'
    assert differing_settings([one, other]) == {key: ['a/best_mDice_iter_100.pth', 'b/best_mDice_iter_100.pth']}


def test_what_the_hyperparameters_show_is_not_repeated() -> None:
    steps = [{'type': 'LoadImage'}, {'type': 'RandomRotate'}, {'type': 'RandomFlip'}, {'type': 'PackSegInputs'}]
    other = config(
        optim_wrapper__optimizer__lr=0.2,
        model__backbone={'type': 'ResNet', 'depth': 50, 'width': 8},  # whose options the other has not
        train_dataloader__dataset__pipeline=steps,
        model__decode_head__dropout_ratio=0.5,
    )
    assert settings(other) != settings(config())
    assert differing_settings([config(), other]) == {'model.decode_head.dropout_ratio': [0.1, 0.5]}
    wide = config(model__backbone__base_width=64)
    assert differing_settings([config(), other, wide])['model.backbone.base_width'] == [32, None, 64]
