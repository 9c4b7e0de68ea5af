"""Trainings of a real model with teachers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

import torch
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_ext.engine.checkpoints.files import save_checkpoint_file
from mmseg_ext.engine.guard import guarded
from mmseg_ext.engine.runner.build import build_runner
from mmseg_ext.errors import InputError
from mmseg_ext.models.complexity import full_size_logits
from mmseg_ext.models.losses.distillation import distillation_loss, soften
from mmseg_ext.runs.config import load_config

ROOT = Path(__file__).resolve().parents[3]
CONFIG = """
_base_ = '{root}/configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192.py'
model = dict(
    backbone=dict(depth=(1, 1, 1), base_width=4),
    decode_head=dict(in_channels=[16, 32, 64], skip_channels=[2, 2], channels=4),
)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=2, num_workers=0)
train_cfg = dict(max_iters=4, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=5))
"""
TEACHER_LINES = 'model["data_preprocessor"] = dict(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], bgr_to_rgb=False)\n'
HOOK = """
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='mmseg_ext.DistillationHook', teacher=dict(config='{config}', checkpoint='{checkpoint}'), temperature=3.0,
         weight=0.5),
]
"""
CLASSES = ('background', 'cat', 'dog')
count = itertools.count()


class Watch(Hook):
    """Keeps the first batch, the model that saw it, and the losses of each step."""

    def __init__(self) -> None:
        self.inputs: Any = None
        self.losses: list[dict[str, float]] = []

    def before_train(self, runner: Runner) -> None:
        def keep(model: Any, args: Any, kwargs: Any, output: Any) -> None:
            if kwargs.get('mode') == 'loss':
                if self.inputs is None:
                    self.inputs = kwargs['inputs'].clone()
                self.losses.append({key: value.item() for key, value in output.items()})

        self.handle = runner.model.register_forward_hook(keep, with_kwargs=True)

    def after_train(self, runner: Runner) -> None:
        self.handle.remove()


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    root = tmp_path_factory.mktemp('data') / 'pets'
    make_demo_data(root, DemoSettings(train=4, val=2, test=1, size=64))
    return root


@pytest.fixture(scope='module')
def teacher(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Config and checkpoint of an untrained model, which sees its images in another normalisation."""
    folder = tmp_path_factory.mktemp('teacher')
    config, checkpoint = folder / 'teacher.py', folder / 'teacher.pth'
    config.write_text(CONFIG.format(root=ROOT) + TEACHER_LINES)
    init_default_scope('mmseg')
    torch.manual_seed(5)
    model = MODELS.build(load_config(config).model)
    meta = {'dataset_meta': {'classes': list(CLASSES), 'palette': None}}
    save_checkpoint_file({'state_dict': model.state_dict(), 'meta': meta}, checkpoint)
    return config, checkpoint


Build = Callable[..., tuple[Runner, Watch]]


@pytest.fixture
def build(data: Path, teacher: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.setenv('DEMO_DATA', str(data))

    def make(hook: str | None = None, **options: Any) -> tuple[Runner, Watch]:
        path = tmp_path / 'student.py'
        path.write_text(
            CONFIG.format(root=ROOT) + (HOOK if hook is None else hook).format(config=teacher[0], checkpoint=teacher[1])
        )
        config = load_config(path)
        name = f'distilled{next(count)}'
        config.work_dir, config.log_level = str(tmp_path / name), 'WARNING'
        config.visualizer.name = config.experiment_name = name
        config.merge_from_dict(options)
        runner, watch = build_runner(config), Watch()
        runner.register_hook(watch, priority='LOWEST')
        return runner, watch

    return make


def test_the_loss_is_that_of_the_teacher_on_the_same_batch(build: Build, teacher: tuple[Path, Path]) -> None:
    runner, watch = build(**{'train_cfg.max_iters': 1})
    student = MODELS.build(runner.cfg.model)
    student.load_state_dict(runner.model.state_dict())
    seen: list[torch.Tensor] = []
    student.decode_head.loss_decode[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    other = MODELS.build(load_config(teacher[0]).model)
    weights = torch.load(teacher[1], weights_only=True)['state_dict']
    other.load_state_dict(weights)
    runner.train()
    mean, std = (torch.tensor(runner.cfg.model.data_preprocessor[key]).view(1, 3, 1, 1) for key in ('mean', 'std'))
    images = (watch.inputs * std + mean).flip(1)  # RGB to BGR
    own = (images - torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1)) / torch.tensor([4.0, 5, 6]).view(1, 3, 1, 1)
    with torch.no_grad():
        targets = soften(full_size_logits(other.eval(), own), 3.0)
        logits = full_size_logits(student.train(), watch.inputs)
    expected = 0.5 * float(distillation_loss(logits, targets, 3.0))
    assert watch.losses[0]['loss_distillation'] == pytest.approx(expected, rel=0.02)  # autocast, dropout


def test_nothing_of_the_teacher_stays(build: Build, teacher: tuple[Path, Path]) -> None:
    states = []
    for hook in (None, ''):
        runner, watch = build(hook, **{'train_cfg.max_iters': 2})
        runner.train()
        assert ('loss_distillation' in watch.losses[0]) == (hook is None)
        assert not any(module._forward_pre_hooks or module._forward_hooks for module in runner.model.modules())
        states.append(torch.load(Path(runner.work_dir) / 'iter_2.pth', weights_only=True))
    distilled, plain = states
    assert distilled.keys() == plain.keys()
    assert distilled['state_dict'].keys() == plain['state_dict'].keys()
    assert any(not torch.equal(value, plain['state_dict'][key]) for key, value in distilled['state_dict'].items())
    assert len(distilled['optimizer']['state']) == len(plain['optimizer']['state'])


def test_a_resumed_run_ends_as_one_without_a_break(build: Build) -> None:
    whole, _ = build()
    whole.train()
    first, _ = build(**{'train_cfg.max_iters': 2, 'param_scheduler': whole.cfg.param_scheduler})
    first.train()
    second, watch = build(work_dir=first.work_dir, resume=True)
    second.train()
    assert len(watch.losses) == 2
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, second.model.state_dict()[key]), key


def test_what_cannot_teach_is_refused(build: Build, teacher: tuple[Path, Path], tmp_path: Path) -> None:
    content = torch.load(teacher[1], weights_only=True)
    wrong = {'part.pth': content | {'state_dict': dict(list(content['state_dict'].items())[1:])}}
    names = {'dataset_meta': {'classes': ['background', 'dog', 'cat'], 'palette': None}}
    wrong['order.pth'] = content | {'meta': names}
    for name, problem in (('part.pth', 'is missing'), ('order.pth', 'its classes are background, dog, cat')):
        torch.save(wrong[name], tmp_path / name)
        runner, watch = build(HOOK.replace('{checkpoint}', str(tmp_path / name)))
        with pytest.raises(InputError, match=problem):
            guarded(runner.train)
        assert not watch.losses
    for old, new in (('temperature=3.0', 'temperature=0'), ("config='{config}', ", ''), ('weight=0.5', 'weight=-1.0')):
        with pytest.raises(InputError, match='DistillationHook'):
            build(HOOK.replace(old, new))
