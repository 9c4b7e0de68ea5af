"""Chunks of work in this process, in several processes, or on a Dask cluster."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

import cv2

from mmseg_ext.errors import InputError, installing
from mmseg_ext.processes import spawn_pool

Result = TypeVar('Result')
Chunk = TypeVar('Chunk')
Item = TypeVar('Item')

CHUNK_ITEMS = 32  # seconds at most between two steps of the progress bar, and little to repeat when a worker dies
DASK = 'dask://'
CONNECT_TIMEOUT_S = 10
PROBE_TIMEOUT_S = 60
MAX_RETRIES = 3  # of a chunk whose worker died


def make_chunks(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Divide items into chunks of `CHUNK_ITEMS`, the last perhaps smaller."""
    return [items[start : start + CHUNK_ITEMS] for start in range(0, len(items), CHUNK_ITEMS)]


def run_chunks(
    function: Callable[[Chunk], Result], chunks: Sequence[Chunk], workers: str, root: Path
) -> Iterator[Result]:
    """Apply a function to chunks and yield the results in the order of the chunks.

    Args:
        function: Must be picklable for more than one worker.
        chunks: The work.
        workers: A number of processes (1: this one), or ``dask://host:port`` of a running scheduler.
        root: The data set, which Dask's workers must see under the same path.

    Raises:
        InputError: ``workers`` is neither, or the workers cannot be reached, or died.
    """
    processes = count_workers(workers)
    if processes is None:
        return _run_on_dask(function, chunks, workers, root)
    return map(function, chunks) if processes == 1 else _run_in_processes(function, chunks, processes)


def count_workers(workers: str) -> int | None:
    """Read a number of processes; None for ``dask://host:port``.

    Raises:
        InputError: It is neither.

    >>> count_workers('4')
    4
    """
    if workers.startswith(DASK):
        if not re.fullmatch(r'[^\s/:]+:\d+', workers.removeprefix(DASK)):
            raise InputError(f'`workers={workers}`', f'must be {DASK}HOST:PORT, such as {DASK}localhost:8786')
        return None
    if not workers.isdecimal() or int(workers) < 1:
        raise InputError(f'`workers={workers}`', f'must be a number of at least 1, or {DASK}HOST:PORT')
    return int(workers)


def _run_in_processes(function: Callable[[Chunk], Result], chunks: Sequence[Chunk], workers: int) -> Iterator[Result]:
    with spawn_pool(min(workers, len(chunks)), cv2.setNumThreads, (1,)) as pool:
        try:
            yield from pool.map(function, chunks)
        except BrokenProcessPool:
            raise InputError(
                f'`workers={workers}`', 'a worker process was killed, perhaps out of memory', 'use fewer workers'
            ) from None


def _run_on_dask(
    function: Callable[[Chunk], Result], chunks: Sequence[Chunk], address: str, root: Path
) -> Iterator[Result]:
    try:
        import dask
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise InputError(f'`workers={address}`', 'needs the extra dask', installing('dask')) from None
    dask.config.set({'logging.distributed': 'critical'})
    try:
        client = Client(f'tcp://{address.removeprefix(DASK)}', timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f'`workers={address}`', f'no Dask scheduler answers ({_first_line(error)})', 'start one: dask scheduler'
        ) from None
    with client:
        _require_workers(client, address, root)
        # The futures hold the results until they are read: those that die with a worker are computed again.
        futures = client.map(function, chunks, pure=False, retries=MAX_RETRIES)
        try:
            while futures:
                yield futures.pop(0).result()
        except (KilledWorker, CancelledError, ImportError, OSError) as error:
            raise InputError(
                f'`workers={address}`', f'the cluster failed ({_first_line(error)})', 'restart it'
            ) from None


def _require_workers(client: Any, address: str, root: Path) -> None:
    """Refuse a cluster without workers, or whose workers cannot do the work, before any is sent."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        sees_root = client.submit(_sees, str(root), pure=False).result(timeout=PROBE_TIMEOUT_S)
    except TimeoutError:
        raise InputError(f'`workers={address}`', 'the scheduler has no workers', 'start one: dask worker') from None
    except ImportError as error:
        raise InputError(f'`workers={address}`', f'mmseg_ext is not installed on its workers ({error})') from None
    if not sees_root:
        raise InputError(f'`workers={address}`', f'its workers do not see {root}', 'use a path that all machines share')


def _sees(root: str) -> bool:
    return Path(root).is_dir()


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
