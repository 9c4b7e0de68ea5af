"""A Dask cluster on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def local_dask(threads: int = 1) -> Iterator[Any]:
    """Hold a cluster of two worker processes of so many threads each; skip where Dask is not installed."""
    distributed = pytest.importorskip('distributed', reason='needs the extra `dask`')
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=threads, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


def address(cluster: Any) -> str:
    """Return what ``--workers`` takes for it."""
    return 'dask://' + str(cluster.scheduler_address).removeprefix('tcp://')
