"""A model of 33 numbers, eight images of 4×4 and a runner on them. As a script it trains, for tests that kill it."""

from __future__ import annotations

import argparse
import io
import random
import signal
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from mmseg_ext.engine import Runner
from mmseg_ext.engine.checkpoints import files


class ToyModel(BaseModel):
    """Learns to double its input. Keeps the inputs of every training step, as the proof of what it was shown."""

    def __init__(self, hidden: int = 2) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, hidden, 3, padding=1), nn.BatchNorm2d(hidden), nn.Dropout(0.2))
        self.head = nn.Conv2d(hidden, 1, 1)
        self.dtypes: set[torch.dtype] = set()
        self.loss_shift = 0.0  # added to the loss; its gradients stay as they are

    def forward(
        self, inputs: torch.Tensor, target: torch.Tensor | None = None, data_samples: Any = None, mode: str = 'tensor'
    ) -> Any:
        output = self.head(self.net(inputs))
        self.dtypes.add(output.dtype)
        if mode == 'loss':
            return {'loss': (output.float() - target).square().mean() + self.loss_shift}
        return [{'output': one} for one in output]


class ToyData(Dataset):
    METAINFO: ClassVar[dict[str, Any]] = {'classes': ('cat', 'dog'), 'palette': [[0, 0, 0], [1, 2, 3]]}

    def __init__(self) -> None:
        self.metainfo = self.METAINFO
        self.seen: list[float] = []

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        image = torch.arange(16.0).reshape(1, 4, 4) / 16 + index
        noise = random.random() + float(np.random.rand())  # mmseg's transforms use the global generators
        self.seen.append(noise)
        return {'inputs': image + noise, 'target': image * 2}


class ToyMetric(BaseMetric):
    """Distance of the predictions from their targets, as scores that grow when it falls."""

    default_prefix = None

    def process(self, data_batch: dict, data_samples: list[dict]) -> None:
        pairs = zip(data_samples, data_batch['target'], strict=True)
        self.results += [float((sample['output'].float() - target).abs().mean()) for sample, target in pairs]

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        score = -float(np.mean(results))
        return {'mDice': score, 'Dice/cat': score - 1, 'nothing': float('nan')}


class ScriptedMetric(ToyMetric):
    """Gives the scores of a list, one a validation."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__()
        self.scores = scores

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        return {'mDice': self.scores.pop(0)}


class SleepHook(Hook):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        time.sleep(self.seconds)


CURVES = [{'type': 'mmseg_ext.ScalarsHook', 'interval': 1}, {'type': 'mmseg_ext.RunRecordHook'}]
_count = 0


def build_runner(
    work_dir: str | Path, epochs: int = 2, iters: int | None = None, workers: int = 0, **changes: Any
) -> Runner:
    """A runner on the toy; ``changes`` replace top-level arguments of mmengine's runner."""
    global _count
    _count += 1  # mmengine keeps one message hub and logger per name
    torch.manual_seed(0)
    loader = {'batch_size': 2, 'num_workers': workers, 'collate_fn': {'type': 'default_collate'}}
    shuffled = {'type': 'DefaultSampler', 'shuffle': True} if iters is None else {'type': 'InfiniteSampler'}
    train_cfg = {'by_epoch': True, 'max_epochs': epochs, 'val_interval': 1}
    if iters is not None:
        train_cfg = {'by_epoch': False, 'max_iters': iters, 'val_interval': 4}
    hook = {'type': 'mmseg_ext.CheckpointHook', 'interval': 1, 'max_keep_ckpts': 2, 'save_best': 'mDice'}
    if iters is not None:
        hook |= {'by_epoch': False, 'interval': 4}
    arguments: dict[str, Any] = {
        'model': ToyModel(),
        'work_dir': str(work_dir),
        'train_dataloader': {**loader, 'dataset': ToyData(), 'sampler': shuffled},
        'val_dataloader': {**loader, 'dataset': ToyData(), 'sampler': {'type': 'DefaultSampler', 'shuffle': False}},
        'val_evaluator': [ToyMetric()],
        'train_cfg': train_cfg,
        'val_cfg': {'type': 'mmseg_ext.ValLoop'},
        'optim_wrapper': {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 0.01}},
        'param_scheduler': [{'type': 'PolyLR', 'power': 0.9, 'begin': 0, 'end': 100, 'by_epoch': False}],
        'default_hooks': {'checkpoint': hook},
        'default_scope': 'mmseg',
        'randomness': {'seed': 1},
        'experiment_name': f'toy{_count}',
        'log_level': 'WARNING',
    }
    return Runner(**(arguments | changes))


class FaultHook(Hook):
    """Sends a signal to this process at the n-th moment: before or after a step, a batch of validation, a write."""

    priority = 'VERY_HIGH'

    def __init__(self, name: str, moment: int) -> None:
        self.signal, self.moments = signal.Signals[name], moment

    def count(self) -> None:
        self.moments -= 1
        if self.moments == 0:
            signal.raise_signal(self.signal)

    def before_train(self, runner: Any) -> None:
        save = torch.save

        def halve(value: Any, stream: Any) -> None:
            content = io.BytesIO()
            save(value, content)
            stream.write(content.getvalue()[:1000])
            stream.flush()
            self.count()
            stream.write(content.getvalue()[1000:])

        files.torch.save = halve  # type: ignore[assignment]

    def before_train_iter(self, *args: Any, **kwargs: Any) -> None:
        self.count()

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        self.count()

    def after_val_iter(self, *args: Any, **kwargs: Any) -> None:
        self.count()


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('work_dir')
    parser.add_argument('--epochs', type=int, default=2)
    parser.add_argument('--iters', type=int)
    parser.add_argument('--sleep', type=float, default=0)
    parser.add_argument('--launcher', default='none')
    parser.add_argument('--workers', type=int, default=0)
    parser.add_argument('--resume', action='store_true')
    parser.add_argument('--fault', nargs=2, metavar=('SIGNAL', 'MOMENT'))
    args = parser.parse_args(globals().get('ARGUMENTS'))
    hooks: list[Any] = [SleepHook(args.sleep), *CURVES]
    if args.fault is not None:
        hooks.append(FaultHook(args.fault[0], int(args.fault[1])))
    options: dict[str, Any] = {'custom_hooks': hooks, 'launcher': args.launcher, 'resume': args.resume}
    build_runner(args.work_dir, args.epochs, args.iters, workers=args.workers, **options).train()
