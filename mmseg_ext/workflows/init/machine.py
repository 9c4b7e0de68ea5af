"""The machine that a training is planned for, and what a step of a model costs on it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, MODELS
from mmseg.structures import SegDataSample

from mmseg_ext.datasets.cache import available_memory
from mmseg_ext.engine.allocator import keep_freed_memory
from mmseg_ext.engine.guard import guarded
from mmseg_ext.engine.runner.autocast import autocast_for, cpu_gains_from_bfloat16
from mmseg_ext.errors import InputError
from mmseg_ext.processes import usable_cores

TIMED_STEPS = 3
SLOW_STEP_S = 4.0  # from which on one step is timed
SAMPLES = 4  # made by the training's pipeline, for its time
GIGABYTE = 1e9
DTYPES: dict[str, torch.dtype | None] = {'float32': None, 'bfloat16': torch.bfloat16}


@dataclass(frozen=True)
class Machine:
    """A machine.

    Attributes:
        device: ``cpu`` or ``cuda``.
        name: Of the GPU, or None.
        cores: CPU cores that this process may use.
        memory_gb: Memory that models and data may take: that of the GPU, or what is free on the machine; 10⁹ bytes.
        gains_from_bfloat16: Whether it computes faster in bfloat16 than in float32.
    """

    device: str
    name: str | None
    cores: int
    memory_gb: float
    gains_from_bfloat16: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class StepCost:
    """What a model costs at one size and batch.

    Attributes:
        seconds: A training step, the shortest of three: other work on the machine only adds to it.
        eval_seconds: A prediction of one image.
        memory_gb: Most memory in use: of the GPU, or of the process so far.
        base_gb: What of it any batch takes: libraries, weights, their gradients and AdamW's two moments.
    """

    seconds: float
    eval_seconds: float
    memory_gb: float
    base_gb: float = 0.0


TimeStep = Callable[[tuple[int, int], int, str], StepCost]  # (width, height), batch, dtype → cost


def describe_machine(device: str = 'auto') -> Machine:
    """Describe this machine.

    Args:
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

    Raises:
        InputError: There is no GPU, and one is asked for.
    """
    if device == 'cuda' and not torch.cuda.is_available():
        raise InputError('`device=cuda`', 'torch finds no GPU here', 'leave it out to plan for the CPU')
    cores = usable_cores()
    if device != 'cpu' and torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return Machine('cuda', properties.name, cores, round(properties.total_memory / GIGABYTE, 1))
    return Machine('cpu', None, cores, round(available_memory() / GIGABYTE, 1), cpu_gains_from_bfloat16())


class Stopwatch:
    """Timer of training steps of a config's model, on random images and masks.

    The steps are whole ones: preprocessing, forward, losses, backward, clipping, optimizer. The weights are random
    ones, which takes as long.

    Args:
        config: The config.
        num_classes: Number of classes.
        device: ``cpu`` or ``cuda``.

    Raises:
        InputError: The model cannot be built.
    """

    def __init__(self, config: Config, num_classes: int, device: str) -> None:
        init_default_scope(config.get('default_scope', 'mmseg'))
        self._num_classes = num_classes
        self._device = torch.device(device)
        if device == 'cpu':
            keep_freed_memory()  # as in a training
        model = guarded(lambda: MODELS.build(config.model))
        self._model = model.to(self._device).to(memory_format=torch.channels_last)
        self._wrapper = guarded(lambda: build_optim_wrapper(self._model, config.optim_wrapper))
        weights = sum(weight.numel() * weight.element_size() for weight in self._model.parameters())
        self._base_gb = self._memory_now() + 3 * weights / GIGABYTE
        self.core_shares: list[float] = []  # of the cores, that the timed steps got
        self._costs: dict[tuple[tuple[int, int], int, str], StepCost] = {}

    def __call__(self, size: tuple[int, int], batch: int, dtype: str) -> StepCost:
        """Time a step at (width, height) ``size``, after one that does not count."""
        key = (size, batch, dtype)
        if key not in self._costs:
            self._costs[key] = self._measure(*key)
        return self._costs[key]

    def _measure(self, size: tuple[int, int], batch: int, dtype: str) -> StepCost:
        if self._device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats()
        data = self._batch(size, batch)
        self._wrapper.dtype = DTYPES[dtype]
        self._model.train()
        first = self._seconds(lambda: self._model.train_step(data, self._wrapper))
        repeats = TIMED_STEPS if first < SLOW_STEP_S else 1
        before = time.process_time(), time.perf_counter()
        seconds = [self._seconds(lambda: self._model.train_step(data, self._wrapper)) for _ in range(repeats)]
        if self._device.type == 'cpu':
            used, passed = time.process_time() - before[0], time.perf_counter() - before[1]
            self.core_shares.append(used / passed / torch.get_num_threads())
        self._model.eval()
        one = {key: value[:1] for key, value in data.items()}
        with torch.no_grad(), autocast_for(self._model, DTYPES[dtype]):
            self._seconds(lambda: self._model.val_step(one))
            eval_seconds = self._seconds(lambda: self._model.val_step(one))
        most = self._most_memory()
        return StepCost(min(seconds), eval_seconds, most, min(self._base_gb, most))

    def _batch(self, size: tuple[int, int], batch: int) -> dict[str, list[Any]]:
        generator = torch.Generator().manual_seed(0)
        width, height = size
        inputs, samples = [], []
        for _ in range(batch):
            inputs.append(torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8))
            sample = SegDataSample(
                metainfo=dict(img_shape=(height, width), ori_shape=(height, width), pad_shape=(height, width))
            )
            mask = torch.randint(0, self._num_classes, (1, height, width), generator=generator)
            sample.gt_sem_seg = PixelData(data=mask)
            samples.append(sample)
        return dict(inputs=inputs, data_samples=samples)

    def _seconds(self, action: Callable[[], Any]) -> float:
        if self._device.type == 'cuda':
            torch.cuda.synchronize()
        start = time.perf_counter()
        guarded(action)
        if self._device.type == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter() - start

    def _memory_now(self) -> float:
        if self._device.type == 'cuda':
            return float(torch.cuda.memory_allocated() / GIGABYTE)
        try:
            pages = int(Path('/proc/self/statm').read_text(encoding='ascii').split()[1])
        except OSError:
            return self._most_memory()
        return pages * resource.getpagesize() / GIGABYTE

    def _most_memory(self) -> float:
        if self._device.type == 'cuda':
            return float(torch.cuda.max_memory_allocated() / GIGABYTE)
        unit = 1 if sys.platform == 'darwin' else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIGABYTE


def time_samples(config: Config) -> float:
    """Return the seconds that the training's pipeline takes for one sample, by making a few of the real data.

    Raises:
        InputError: A file or the pipeline cannot be used.
    """
    dataset = config.train_dataloader.dataset.to_dict()
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    dataset |= dict(cache=False, check=False, indices=None)

    def make() -> float:
        built = DATASETS.build(dataset)
        built.full_init()
        count = min(SAMPLES, len(built))
        start = time.perf_counter()
        for index in range(count):
            built[index]
        return (time.perf_counter() - start) / count

    init_default_scope(config.get('default_scope', 'mmseg'))
    return guarded(make)
