"""Trainings of real models on mixed batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn

from mmseg_ext.engine.guard import guarded
from mmseg_ext.engine.runner.build import build_runner
from mmseg_ext.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
BOTH = [dict(type='mmseg_ext.CrossEntropyLoss', class_weight=[0.3, 1.0, 1.0]), dict(type='mmseg_ext.DiceLoss')]
COMMON = dict(channels=8, num_classes=3, norm_cfg=dict(type='BN'), align_corners=False, loss_decode=BOTH)
FCN = dict(type='FCNHead', in_channels=8, in_index=3, num_convs=1, **COMMON)
AUXILIARY = {**FCN, 'in_index': 2}
SEGFORMER = dict(type='SegformerHead', in_channels=[8] * 4, in_index=[0, 1, 2, 3], **COMMON)
OCR = dict(type='OCRHead', in_channels=8, in_index=3, ocr_channels=4, **COMMON)
MIXUP = dict(type='mmseg_ext.MixUp', prob=1.0, alpha=1.0)
MODELS_BY_NAME: dict[str, dict[str, Any]] = {
    'fcn': dict(type='EncoderDecoder', decode_head=FCN, auxiliary_head=AUXILIARY),
    'segformer': dict(type='EncoderDecoder', decode_head=SEGFORMER),
    'ocr': dict(type='CascadeEncoderDecoder', num_stages=2, decode_head=[FCN, OCR]),
}
count = itertools.count()


class TinyBackbone(nn.Module):
    """Four maps of 8 channels at the strides 2, 4, 8 and 8."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Conv2d(before, 8, 3, stride, 1) for before, stride in zip((3, 8, 8, 8), (2, 2, 2, 1), strict=True)
        )

    def forward(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        maps = []
        for stage in self.stages:
            inputs = stage(inputs).relu()
            maps.append(inputs)
        return maps


class Watch(Hook):
    """Keeps what the model is given in training and in validation."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.train: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.val: list[torch.Tensor] = []

    def before_train(self, runner: Runner) -> None:
        def keep(preprocessor: Any, args: Any, kwargs: Any, output: dict[str, Any]) -> None:
            training = kwargs.get('training', args[1] if len(args) > 1 else False)
            masks = torch.stack([one.gt_sem_seg.data for one in output['data_samples']])
            if training:
                self.train.append((output['inputs'].clone(), masks))
            else:
                self.val.append(output['inputs'].clone())

        runner.model.data_preprocessor.register_forward_hook(keep, with_kwargs=True)


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    root = tmp_path_factory.mktemp('data') / 'pets'
    make_demo_data(root, DemoSettings(train=4, val=2, test=1, size=64))
    return root


@pytest.fixture(autouse=True)
def _backbone() -> Iterator[None]:
    MODELS.register_module(name='TinyBackbone', module=TinyBackbone)
    yield
    MODELS.module_dict.pop('TinyBackbone')


Build = Callable[..., Runner]


@pytest.fixture
def build(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    def make(
        name: str, mix: dict[str, Any] | None = MIXUP, hook: bool = True, iters: int = 2, workers: int = 0, **model: Any
    ) -> tuple[Runner, Watch]:
        monkeypatch.setenv('PETS_ROOT', str(data))
        config = Config.fromfile(ROOT / 'configs/pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_pets-256x256.py')
        work_dir = tmp_path / f'{name}{next(count)}'
        preprocessor = {
            **config.model.data_preprocessor,
            'type': 'mmseg_ext.SegDataPreProcessor',
            'batch_augments': mix,
        }
        config.model = dict(
            data_preprocessor=preprocessor,
            backbone=dict(type='TinyBackbone'),
            train_cfg={},
            test_cfg=dict(mode='whole'),
            **{**MODELS_BY_NAME[name], **model},
        )
        loading = [dict(type='mmseg_ext.LoadImage'), dict(type='mmseg_ext.LoadMask'), dict(type='PackSegInputs')]
        for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            config[loader].update(batch_size=2, num_workers=workers, persistent_workers=False)
            config[loader].dataset.update(pipeline=loading, labels='labels_true')
        config.train_cfg.update(max_iters=iters, val_interval=iters)
        config.default_hooks.checkpoint = None
        watch = Watch()
        config.custom_hooks = [dict(type='mmseg_ext.SoftTargetsHook')] if hook else []
        config.work_dir, config.log_level = str(work_dir), 'WARNING'
        config.visualizer.name = config.experiment_name = work_dir.name
        runner = build_runner(config)
        runner.register_hook(watch)
        return runner, watch

    return make


@pytest.mark.parametrize('name', MODELS_BY_NAME)
def test_a_model_trains_on_mixtures(name: str, build: Build) -> None:
    runner, watch = build(name)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    assert all(masks.shape == (2, 3, 64, 64) and masks.is_floating_point() for _, masks in watch.train)
    assert math.isfinite(runner.message_hub.get_scalar('train/loss').current())
    accuracies = [key for key in runner.message_hub.log_scalars if key.endswith('acc_seg')]
    assert len(accuracies) == {'fcn': 2, 'segformer': 1, 'ocr': 2}[name]
    assert all(0 <= runner.message_hub.get_scalar(key).current() <= 100 for key in accuracies)
    after = runner.model.state_dict()
    assert before.keys() == after.keys()
    for key, parameter in runner.model.named_parameters():
        assert torch.isfinite(parameter).all()
        assert not torch.equal(before[key], after[key]), key
    assert not any(module._forward_pre_hooks for module in runner.model.modules())  # off again


def test_validation_sees_images_as_they_are(build: Build) -> None:
    seen = []
    for mix in (MIXUP, None):
        runner, watch = build('segformer', mix, iters=1)
        runner.train()
        runner.test()
        seen.append(watch)
        assert len(watch.val) == 2
        assert 0 <= runner.message_hub.get_scalar('val/mDice').current() <= 100
    assert all(torch.equal(one, other) for one, other in zip(seen[0].val, seen[1].val, strict=True))
    assert not torch.equal(seen[0].train[0][0], seen[1].train[0][0])


def test_the_same_seed_gives_the_same_mixtures_with_any_workers(build: Build) -> None:
    runs = []
    for workers in (0, 1):
        runner, watch = build('segformer', workers=workers, iters=3)
        runner.train()
        runs.append(watch.train)
    assert not torch.equal(runs[0][0][1], runs[0][1][1])
    for (images, masks), (other_images, other_masks) in zip(*runs, strict=True):
        assert torch.equal(images, other_images)
        assert torch.equal(masks, other_masks)


def test_pastes_stay_class_ids_and_need_no_hook(build: Build) -> None:
    mix = dict(type='mmseg_ext.BatchMix', mixes=[dict(type='mmseg_ext.ClassMix'), dict(type='mmseg_ext.CutMix')])
    runner, watch = build(
        'fcn', mix, hook=False, decode_head={**FCN, 'loss_decode': dict(type='mmseg_ext.LovaszSoftmaxLoss')}
    )
    runner.train()
    assert all(masks.dtype == torch.int64 and masks.shape == (2, 1, 64, 64) for _, masks in watch.train)


def test_a_missing_hook_is_named(build: Build) -> None:
    runner, _ = build('segformer', dict(type='mmseg_ext.MixUp', prob=0.0), hook=False)
    with pytest.raises(InputError, match='SoftTargetsHook'):
        guarded(runner.train)


def test_a_loss_that_refuses_mixtures_stops_the_training_at_its_start(build: Build) -> None:
    auxiliary = {**AUXILIARY, 'loss_decode': dict(type='mmseg_ext.LovaszSoftmaxLoss')}
    runner, watch = build('fcn', dict(type='mmseg_ext.MixUp', prob=1e-9), auxiliary_head=auxiliary, iters=50)
    with pytest.raises(
        InputError, match=r'auxiliary_head\.loss_decode .* cannot be trained on the soft targets'
    ) as error:
        guarded(runner.train)
    assert '\n' not in str(error.value)
    assert len(watch.train) == 1  # of 50, and nothing had been mixed
    assert not watch.train[0][1].is_floating_point()
    assert runner.iter == 0
