from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmseg_ext.datasets.seeding import SeededDataset, SeededIndex, SeededSampler, seed_samples, seeded

LOADING = [{'type': 'mmseg_ext.LoadImage'}, {'type': 'mmseg_ext.LoadMask'}]
AUGMENTATION = [
    {'type': 'mmseg_ext.CopyPaste', 'prob': 0.5, 'min_area': 1, 'whole': False},
    {'type': 'mmseg_ext.RandomScaleRotateShift', 'size': (8, 8), 'elastic': {'prob': 0.5}},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'PhotoMetricDistortion'},
    {'type': 'mmseg_ext.RandomGaussianNoise', 'prob': 0.5},
    {'type': 'mmseg_ext.RandomShotNoise', 'prob': 0.5},
    {'type': 'mmseg_ext.RandomLowLight', 'prob': 0.5},
    {'type': 'mmseg_ext.RandomBlur', 'prob': 0.5},
    {'type': 'PackSegInputs'},
]


class RandomNumbers(Dataset):
    """Samples are (index, one number of each generator)."""

    metainfo = 'random numbers'

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> tuple[int, float, float, float]:
        assert type(index) is int
        return index, random.random(), float(np.random.random()), float(torch.rand(()))


def config(sampler: dict[str, Any], dataset: Any = None, workers: int = 0, batch: int = 2) -> dict[str, Any]:
    return {
        'dataset': dataset or RandomNumbers(), 'sampler': sampler, 'num_workers': workers, 'batch_size': batch,
        'collate_fn': {'type': 'pseudo_collate'}, 'persistent_workers': workers > 0,
    }  # fmt: skip


def loader(sampler: dict[str, Any], seed: int = 0, **arguments: Any) -> Any:
    init_default_scope('mmseg')
    return Runner.build_dataloader(seed_samples(config(sampler, **arguments), seed), seed=seed)


def pets(make_data: Callable[..., Path]) -> dict[str, Any]:
    inner = {'type': 'mmseg_ext.FolderDataset', 'data_root': str(make_data(3)), 'split': 'train', 'cache': True}
    return {'type': 'MultiImageMixDataset', 'dataset': {**inner, 'pipeline': LOADING}, 'pipeline': AUGMENTATION}


def shown(batches: Any, count: int) -> list[tuple[str, bytes, bytes]]:
    found = []
    for batch in islice(batches, count):
        for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
            path = Path(sample.metainfo['img_path']).stem
            found.append((path, image.numpy().tobytes(), sample.gt_sem_seg.data.numpy().tobytes()))
    return found


ENDLESS = {'type': 'InfiniteSampler', 'shuffle': True}
EPOCHS = {'type': 'DefaultSampler', 'shuffle': True}


@pytest.mark.filterwarnings('ignore:This DataLoader will create')
def test_a_sample_does_not_depend_on_the_worker_that_makes_it(make_data: Callable[..., Path]) -> None:
    dataset = pets(make_data)
    alone = shown(loader(ENDLESS, dataset=dataset), 5)
    assert len(set(alone)) == 10  # three photographs, and no sample twice
    for workers in (1, 3):
        assert shown(loader(ENDLESS, dataset=dataset, workers=workers), 5) == alone
    assert shown(loader(ENDLESS, dataset=dataset, batch=1), 10) == alone
    assert shown(loader(ENDLESS, dataset=dataset, seed=1), 5) != alone


def test_mmengines_own_seeds_do_depend_on_it(make_data: Callable[..., Path]) -> None:
    """What `seed_samples` is for; where this fails it is not needed any more."""
    init_default_scope('mmseg')
    dataset = pets(make_data)
    first, second = (shown(Runner.build_dataloader(config(ENDLESS, dataset, workers), seed=0), 3) for workers in (1, 2))
    assert first != second


def test_every_epoch_differs_and_comes_again_in_another_run() -> None:
    def epochs(numbers: range) -> list[list[Any]]:
        batches = loader(EPOCHS, batch=1)
        found = []
        for epoch in numbers:
            batches.sampler.set_epoch(epoch)
            found.append([tuple(value[0] for value in batch) for batch in batches])
        return found

    first = epochs(range(3))
    drawn = [sample[1] for epoch in first for sample in epoch]
    assert len(set(drawn)) == 15
    assert epochs(range(1, 3)) == first[1:]  # as a resumed run asks for them


def test_an_epoch_that_nobody_counts_differs_too() -> None:
    batches = loader({'type': 'DefaultSampler', 'shuffle': False})
    assert len({float(value) for _ in range(3) for batch in batches for value in batch[1]}) == 15


def test_an_endless_stream_resumes_within() -> None:
    whole = list(islice(loader(ENDLESS), 9))
    rest = loader(ENDLESS)
    rest.sampler.skip(8)
    assert list(islice(rest, 5)) == whole[4:]


def test_only_what_can_be_skipped_has_skip() -> None:
    assert hasattr(SeededSampler(InfiniteSampler(RandomNumbers(), seed=0), RandomNumbers()), 'skip')
    assert not hasattr(SeededSampler(DefaultSampler(RandomNumbers(), seed=0), RandomNumbers()), 'skip')


def test_ranks_share_the_stream_of_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [(int(draw), draw.key) for draw in islice(SeededSampler(ENDLESS, RandomNumbers(), 0), 10)]
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        monkeypatch.setattr('mmseg_ext.datasets.seeding.get_rank', lambda rank=rank: rank)
        monkeypatch.setattr('mmseg_ext.datasets.seeding.get_world_size', lambda: 2)
        parts.append([(int(draw), draw.key) for draw in islice(SeededSampler(ENDLESS, RandomNumbers(), 0), 5)])
    assert [draw for pair in zip(*parts, strict=True) for draw in pair] == whole


def test_the_process_keeps_its_own_random_state() -> None:
    def rest() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))

    for _ in range(2):
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        expected = rest()
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        assert len(list(islice(SeededSampler(ENDLESS, RandomNumbers(), 0), 3))) == 3
        dataset = SeededDataset(RandomNumbers(), 0)
        assert dataset[SeededIndex(1, (0, 0, 0))][1:] != expected
        with pytest.raises(RuntimeError, match='within'), seeded(0, (1,)):
            raise RuntimeError('within')
        assert rest() == expected


def test_seed_and_key_tell_samples_apart() -> None:
    dataset = [SeededDataset(RandomNumbers(), seed) for seed in (0, 1)]
    keys = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    drawn = [one[SeededIndex(0, key)] for one in dataset for key in keys]
    for values in zip(*(sample[1:] for sample in drawn), strict=True):
        assert len(set(values)) == 8
    assert dataset[0][SeededIndex(0, (0, 0, 1))] == drawn[1]


def test_a_plain_index_is_left_to_the_generators_as_they_are() -> None:
    dataset = SeededDataset(RandomNumbers(), 0)
    assert dataset[2] != dataset[2]


def test_what_the_data_set_has_is_there() -> None:
    dataset = SeededDataset(RandomNumbers(), 0)
    assert dataset.metainfo == 'random numbers'
    assert len(dataset) == 5
    with pytest.raises(AttributeError):
        _ = dataset.missing
    assert pickle.loads(pickle.dumps(copy.deepcopy(dataset))).metainfo == dataset.metainfo


def test_a_draw_is_an_index_that_can_be_sent() -> None:
    draw = pickle.loads(pickle.dumps(SeededIndex(3, (1, 2))))
    assert draw == 3
    assert draw.key == (1, 2)
    assert 'abcd'[draw] == 'd'
