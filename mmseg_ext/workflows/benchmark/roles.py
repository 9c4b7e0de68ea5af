"""What the processes of a benchmark do: train or validate, by ours, by mmsegmentation alone, or the bare model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_ext.engine.mmengine_internals import strict_loading
from mmseg_ext.engine.runner.autocast import AutocastOptimWrapper, autocast_for
from mmseg_ext.registry import HOOKS
from mmseg_ext.workflows.benchmark.contestant import Turns


def train_ours(config: str, work_dir: str) -> None:
    """Train as ``mmseg-ext train`` does."""
    from mmseg_ext.workflows.train import train

    train(config, work_dir, clearml='off')


def train_stock(config: str, work_dir: str) -> None:
    """Train as mmsegmentation's ``tools/train.py`` does, from the weights that ours would find."""
    content = Config.fromfile(config)
    content.work_dir = work_dir
    with strict_loading():
        Runner.from_cfg(content).train()


def train_bare(config: str, work_dir: str) -> None:
    """Make steps of the model and nothing else: forward, losses, backward, optimizer, on one batch."""
    runner = _build(config, work_dir)
    model, wrapper = runner.model, runner.build_optim_wrapper(runner.optim_wrapper)
    model.to(memory_format=torch.channels_last).train()
    batch = model.data_preprocessor(next(iter(runner.build_dataloader(runner.cfg.train_dataloader))), True)
    optimizer, dtype = wrapper.optimizer, wrapper.dtype if isinstance(wrapper, AutocastOptimWrapper) else None
    parameters = [one for one in model.parameters() if one.requires_grad]
    clip = wrapper.clip_grad_kwargs
    turns = Turns()
    turns.wait()
    while True:
        with autocast_for(model, dtype):
            losses = model(**batch, mode='loss')
        loss, _ = model.parse_losses(losses)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(parameters, **clip)
        optimizer.step()
        optimizer.zero_grad()
        turns.step_done()


def validate(config: str, work_dir: str) -> None:
    """Validate once a step, by the runner of the config, as during a training."""
    runner = _build(config, work_dir)
    runner.val()  # builds the loop
    turns = Turns()
    turns.wait()
    while True:
        runner.val_loop.run()
        turns.step_done()


def predict(config: str, work_dir: str) -> None:
    """Predict the images of the validation by the bare model, once a step; they are loaded before."""
    runner = _build(config, work_dir)
    model = runner.model.to(memory_format=torch.channels_last).eval()
    batches = [model.data_preprocessor(batch) for batch in runner.build_dataloader(runner.cfg.val_dataloader)]
    dtype = torch.bfloat16 if runner.cfg.val_cfg.get('dtype') else None
    turns = Turns()
    turns.wait()
    while True:
        with torch.no_grad(), autocast_for(model, dtype):
            for batch in batches:
                model(**batch, mode='predict')
        turns.step_done()


def _build(config: str, work_dir: str) -> Any:
    from mmseg_ext.engine.runner.build import build_runner

    content = Config.fromfile(config)
    content.work_dir = work_dir
    init_default_scope('mmseg')
    if content.get('runner_type') is None:
        return Runner.from_cfg(content)
    return build_runner(content)


@MODELS.register_module()
class MeanBackbone(torch.nn.Module):
    """Backbone of no cost: (N, 3, H, W) → one map (N, 3, H/4, W/4) of means."""

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Average squares of 4×4 pixels."""
        return [torch.nn.functional.avg_pool2d(x, 4)]


@HOOKS.register_module()
class TurnHook(Hook):
    """Hook that trains in blocks: it comes last after a step, so that the time between two steps is the whole step."""

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """Wait for the first block."""
        self.turns = Turns()
        self.turns.wait()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the step."""
        self.turns.step_done()


@HOOKS.register_module()
class ValidationTurnHook(TurnHook):
    """Hook that trains from one validation to the next, and reports the val mDice in percent."""

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Go on until the validation."""

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Report the score."""
        self.turns.step_done((metrics or {})['mDice'])


ROLES: dict[str, Callable[[str, str], None]] = {
    'train-ours': train_ours,
    'train-stock': train_stock,
    'train-bare': train_bare,
    'validate': validate,
    'predict': predict,
}


def play(role: str, config: str, work_dir: str) -> None:
    """Do the work of a role until the process is ended."""
    ROLES[role](config, work_dir)
