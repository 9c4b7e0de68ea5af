"""Samples that depend only on the seed and on their position in the training.

mmengine seeds each worker process of a data loader once. The random numbers of a sample then depend on the worker that
makes it, hence on ``num_workers``, and a resumed training draws different ones. Here the sampler sends each index with
its position in the training, and the data set seeds the global generators with it before making the sample (ADR 0008).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler, get_worker_info


class SeededIndex(int):
    """Sample index that carries its seed key.

    Attributes:
        key: Whole numbers from 0 that are unique to this draw of the sample.

    >>> index = SeededIndex(7, key=(0, 0, 12))
    >>> index + 1, index.key
    (8, (0, 0, 12))
    """

    key: tuple[int, ...]

    def __new__(cls, index: int, key: tuple[int, ...]) -> SeededIndex:
        """Create an index; see the class."""
        seeded_index = super().__new__(cls, index)
        seeded_index.key = key
        return seeded_index

    def __getnewargs__(self) -> tuple[int, tuple[int, ...]]:  # type: ignore[override]
        return int(self), self.key  # for pickling: it is sent to worker processes


@contextmanager
def seeded(seed: int, key: tuple[int, ...]) -> Iterator[None]:
    """Seed the global generators of Python, NumPy and torch (CPU) within a block, and restore them after it.

    In a worker process of a loader they are not restored: nothing else uses them there, and restoring takes longer than
    seeding.

    Args:
        seed: Seed of the training.
        key: Position in the training, as in `SeededIndex`.

    >>> with seeded(0, (1, 2)):
    ...     first = random.random()
    >>> with seeded(0, (1, 2)):
    ...     first == random.random()
    True
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
    """Sampler of `SeededIndex` whose key is epoch, repetition of the epoch, and position in it over all processes.

    Args:
        sampler: mmengine's sampler, or its config.
        dataset: The data set, as mmengine passes it to a sampler.
        seed: Seed of the order, as mmengine passes it.
    """

    def __init__(self, sampler: Any, dataset: Sized, seed: int | None = None) -> None:
        if isinstance(sampler, Mapping):
            sampler = DATA_SAMPLERS.build(dict(sampler), default_args=dict(dataset=dataset, seed=seed))
        self.sampler = sampler
        self._start = 0
        self._skipped = 0
        self._passes: dict[int, int] = {}
        if hasattr(sampler, 'skip'):  # mmengine calls it to resume within an endless stream
            self.skip = self._skip

    def _skip(self, count: int) -> None:
        self.sampler.skip(count)
        self._start = count

    def skip_in_pass(self, count: int) -> None:
        """Skip the first indices of the next pass; the others keep their positions."""
        self._skipped = count

    def __iter__(self) -> Iterator[SeededIndex]:
        """Yield the indices of one pass."""
        epoch = getattr(self.sampler, 'epoch', 0)
        repetition = self._passes.get(epoch, 0)  # counted, since not every loop calls `set_epoch`
        self._passes[epoch] = repetition + 1
        start, self._start = self._start, 0
        skipped, self._skipped = self._skipped, 0
        rank, processes = get_rank(), get_world_size()
        for position, index in islice(enumerate(self.sampler, start), skipped, None):
            yield SeededIndex(index, (epoch, repetition, position * processes + rank))

    def reseed(self, seed: int) -> None:
        """Draw the indices of the next pass with another seed."""
        if hasattr(self.sampler, 'seed'):
            self.sampler.seed = seed

    def __len__(self) -> int:
        """Return the number of indices in a pass."""
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the sampler: ``set_epoch``, ``seed`` …."""
        if name.startswith('__') or name == 'sampler':
            raise AttributeError(name)
        return getattr(self.sampler, name)


class SeededDataset(Dataset[Any]):
    """Data set that seeds the global generators for each `SeededIndex`.

    Attributes of the wrapped data set can be read here; to set one, set it on ``dataset``.

    Args:
        dataset: The data set, or its config.
        seed: The training's seed.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        self.sample_seed = seed

    def __getitem__(self, index: int) -> Any:
        """Make a sample; a plain index leaves the generators as they are."""
        if not isinstance(index, SeededIndex):
            return self.dataset[index]
        with seeded(self.sample_seed, index.key):
            return self.dataset[int(index)]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the data set: ``metainfo``, ``full_init`` …."""
        if name.startswith('__') or name == 'dataset':
            raise AttributeError(name)
        return getattr(self.dataset, name)


def seed_samples(dataloader: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return a data loader's config whose samples depend only on the seed and their position in the training.

    Args:
        dataloader: mmengine's config of a data loader, with ``dataset`` and ``sampler``.
        seed: The training's seed.
    """
    return {
        **dataloader,
        # A loader draws a number whenever it starts its workers. Drawn from the global generator, it would make the
        # model's random numbers (dropout) depend on the number of workers and on resumptions.
        'generator': torch.Generator().manual_seed(seed),
        'dataset': {'type': SeededDataset, 'dataset': dataloader['dataset'], 'seed': seed},
        'sampler': {'type': SeededSampler, 'sampler': dataloader['sampler']},
    }


def reseed(loader: DataLoader[Any], seed: int) -> None:
    """Set the seed of the training to be resumed on a loader of `seed_samples` that has not started."""
    if isinstance(loader.dataset, SeededDataset) and isinstance(loader.sampler, SeededSampler):
        loader.dataset.sample_seed = seed
        loader.sampler.reseed(seed)
        loader.generator.manual_seed(seed)


def skip_batches(loader: DataLoader[Any], count: int) -> bool:
    """Skip the first batches of a loader's next pass without making them; return False if that is not possible."""
    if not isinstance(loader.sampler, SeededSampler) or type(loader.batch_sampler) is not BatchSampler:
        return False
    loader.sampler.skip_in_pass(count * loader.batch_sampler.batch_size)
    return True
