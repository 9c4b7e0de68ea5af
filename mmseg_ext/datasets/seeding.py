"""Samples that depend on the seed and on their place in the training, and on nothing else.

mmengine seeds each worker process of a data loader once. What a transform draws then depends on which worker makes the
sample, and so on ``num_workers``, and a resumed training draws anew. Here the sampler tells with each index its place
in the training, and the data set seeds the global generators with that before it makes the sample.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info


class Draw(int):
    """An index into a data set with what is unique of this draw of it: ``key``, whole numbers from 0."""

    key: tuple[int, ...]

    def __new__(cls, index: int, key: tuple[int, ...]) -> Draw:
        """Make an index; see the class."""
        draw = super().__new__(cls, index)
        draw.key = key
        return draw

    def __getnewargs__(self) -> tuple[int, tuple[int, ...]]:  # type: ignore[override]
        return int(self), self.key  # it is sent to worker processes


@contextmanager
def seeded(seed: int, key: tuple[int, ...]) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch (CPU) within a block, and put them back behind it.

    In a worker process of a loader they are not put back: nothing else uses them there, and putting them back takes
    longer than seeding.
    """
    if get_worker_info() is not None:
        _seed_all(seed, key)
        yield
        return
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=()):
        try:
            _seed_all(seed, key)
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def _seed_all(seed: int, key: tuple[int, ...]) -> None:
    words = np.random.SeedSequence((seed, *key)).generate_state(6)
    np.random.seed(words[:4])
    random.seed(int(words[4]))
    torch.random.default_generator.manual_seed(int(words[5]))


class SeededSampler(Sampler[int]):
    """A sampler whose indices know their place in the training: epoch, and position in it over all processes.

    Args:
        sampler: mmengine's sampler, or its config.
        dataset: As mmengine gives it to a sampler.
        seed: The same.
    """

    def __init__(self, sampler: Any, dataset: Sized, seed: int | None = None) -> None:
        if isinstance(sampler, Mapping):
            sampler = DATA_SAMPLERS.build(dict(sampler), default_args=dict(dataset=dataset, seed=seed))
        self.sampler = sampler
        self._start = 0
        self._passes: dict[int, int] = {}
        if hasattr(sampler, 'skip'):  # mmengine resumes within an endless stream where there is such a method
            self.skip = self._skip

    def _skip(self, count: int) -> None:
        self.sampler.skip(count)
        self._start = count

    def __iter__(self) -> Iterator[Draw]:
        """The indices of one pass."""
        epoch = getattr(self.sampler, 'epoch', 0)
        again = self._passes.get(epoch, 0)  # nothing repeats itself where nobody tells the sampler of a new epoch
        self._passes[epoch] = again + 1
        start, self._start = self._start, 0
        rank, processes = get_rank(), get_world_size()
        for position, index in enumerate(self.sampler, start):
            yield Draw(index, (epoch, again, position * processes + rank))

    def reseed(self, seed: int) -> None:
        """Draw the indices of the next pass by another seed."""
        if hasattr(self.sampler, 'seed'):
            self.sampler.seed = seed

    def __len__(self) -> int:
        """Indices in a pass."""
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        """What the sampler has: ``set_epoch``, ``seed`` …."""
        if name.startswith('__') or name == 'sampler':
            raise AttributeError(name)
        return getattr(self.sampler, name)


class SeededDataset(Dataset[Any]):
    """A data set that seeds the global generators for each sample that a `SeededSampler` asks for.

    Attributes of the data set are read through this one; to set one, set it on ``dataset``.

    Args:
        dataset: The data set, or its config.
        seed: The training's seed.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        self.sample_seed = seed

    def __getitem__(self, index: int) -> Any:
        """One sample; by a plain index it is made with the generators as they are."""
        if not isinstance(index, Draw):
            return self.dataset[index]
        with seeded(self.sample_seed, index.key):
            return self.dataset[int(index)]

    def __len__(self) -> int:
        """Samples."""
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        """What the data set has: ``metainfo``, ``full_init`` …."""
        if name.startswith('__') or name == 'dataset':
            raise AttributeError(name)
        return getattr(self.dataset, name)


def seed_samples(dataloader: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The config of a data loader whose samples depend on the seed and their place in the training alone.

    Args:
        dataloader: mmengine's config of a data loader, with ``dataset`` and ``sampler``.
        seed: The training's seed.
    """
    return {
        **dataloader,
        # A loader draws a number for its workers whenever it starts them. From the global generator this would change
        # what the model draws (dropout), by the number of workers and at each resumption.
        'generator': torch.Generator().manual_seed(seed),
        'dataset': {'type': SeededDataset, 'dataset': dataloader['dataset'], 'seed': seed},
        'sampler': {'type': SeededSampler, 'sampler': dataloader['sampler']},
    }


def reseed(loader: DataLoader[Any], seed: int) -> None:
    """Give a loader of `seed_samples` that has not been started another seed: a resumed training keeps its own."""
    if isinstance(loader.dataset, SeededDataset) and isinstance(loader.sampler, SeededSampler):
        loader.dataset.sample_seed = seed
        loader.sampler.reseed(seed)
        loader.generator.manual_seed(seed)
