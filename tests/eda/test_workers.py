"""The result depends neither on the kind and number of workers nor on a worker that is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from local_dask import address, local_dask

from mmseg_ext.eda import workers
from mmseg_ext.eda.audit import audit_label_set
from mmseg_ext.eda.statistics import collect_statistics
from mmseg_ext.eda.workers import run_chunks
from mmseg_ext.errors import InputError


@pytest.fixture(scope='module')
def cluster() -> Iterator[Any]:
    with local_dask() as made:
        yield made


def wrong_set(write_set: Callable[..., Path]) -> Path:
    """Findings in every split, and more items than fit into one chunk."""
    rng = np.random.default_rng(0)
    masks: dict[str, dict[str, Any]] = {}
    images: dict[str, dict[str, Any]] = {}
    for split, count in (('train', 20), ('val', 6)):
        for index in range(count):
            mask = np.zeros((40, 48), np.uint8)
            mask[8 : 20 + index, 10:30] = 1 + index % 2
            masks.setdefault(split, {})[f'{split}_{index}'] = mask
            coarse = rng.integers(0, 255, (5, 6, 3), np.uint8)
            images.setdefault(split, {})[f'{split}_{index}'] = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    root = write_set(masks, images)
    (root / 'labels/train/train_3.png').write_bytes(b'no mask')
    (root / 'img/train/train_5.png').write_bytes(b'no image')
    (root / 'img/val/val_2.png').write_bytes((root / 'img/train/train_11.png').read_bytes())
    (root / 'labels/val/val_4.png').unlink()
    return root


def test_processes_find_what_one_finds(write_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, 'CHUNK_ITEMS', 3)
    root = wrong_set(write_set)
    alone = audit_label_set(root)
    assert {f.check for f in alone.findings} >= {'unreadable', 'unpaired_image', 'split_leak'}
    assert audit_label_set(root, workers='2') == alone


def test_dask_finds_what_one_finds(
    cluster: Any, write_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, 'CHUNK_ITEMS', 3)
    root = wrong_set(write_set)
    assert audit_label_set(root, workers=address(cluster)) == audit_label_set(root)


def test_statistics_are_those_of_one_process(
    cluster: Any, write_set: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, 'CHUNK_ITEMS', 3)
    root = wrong_set(write_set)
    alone = collect_statistics(root)
    assert len(alone.left_out) == 2
    assert len(alone.objects) > 3
    for where in ('2', address(cluster)):
        found = collect_statistics(root, workers=where)
        np.testing.assert_equal(asdict(found), asdict(alone))  # NaN equals NaN


def die_once(folder: str, number: int) -> tuple[int, int]:
    """Kill the process that works on number 5, the first time; leave a trace of each call."""
    Path(folder, f'{number}-{os.getpid()}').touch()
    if number == 5 and not Path(folder, 'killed').exists():
        Path(folder, 'killed').touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return number, os.getpid()


def test_the_work_of_a_killed_dask_worker_is_repeated(cluster: Any, tmp_path: Path) -> None:
    before = {worker.process.pid for worker in cluster.workers.values()}
    numbers = list(range(24))
    results = list(run_chunks(partial(die_once, str(tmp_path)), numbers, address(cluster), tmp_path))
    assert [number for number, _ in results] == numbers
    tried = {int(path.name.split('-')[1]) for path in tmp_path.glob('5-*')}
    assert len(tried) == 2  # the one that was killed, and the one that repeated it
    assert tried & before


def test_a_killed_process_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='`workers=2`: a worker process was killed'):
        list(run_chunks(partial(die_once, str(tmp_path)), list(range(8)), '2', tmp_path))


def test_dask_workers_must_see_the_data(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='do not see'):
        list(run_chunks(len, ['a'], address(cluster), tmp_path / 'elsewhere'))


@pytest.mark.parametrize('workers', ['0', '-1', 'many', '1.5', 'dask://', 'dask://host', 'dask://host:port'])
def test_wrong_workers(workers: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f'`workers={workers}`'):
        list(run_chunks(len, ['a'], workers, tmp_path))


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('distributed', reason='needs the extra `dask`')
    monkeypatch.setattr('mmseg_ext.eda.workers.CONNECT_TIMEOUT_S', 0.5)
    with pytest.raises(InputError, match='no Dask scheduler answers'):
        list(run_chunks(len, ['a'], 'dask://127.0.0.1:1', tmp_path))


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__('sys').modules, 'distributed', None)
    with pytest.raises(InputError, match=r'needs the extra dask'):
        list(run_chunks(len, ['a'], 'dask://127.0.0.1:1', tmp_path))
