"""Trainings of folds and their out-of-fold predictions, in processes of this machine or on a Dask cluster."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path

from mmseg_ext.data.images import read_image
from mmseg_ext.eda.workers import count_workers, run_chunks
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.processes import spawn_pool, usable_cores
from mmseg_ext.workflows.out_of_fold import FoldTask, training_data

DTYPE = 'bfloat16'  # of the predictions
DASK_THREADS = 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'  # what a Dask worker sets to 1
CHILD_CODE = 'from mmseg_ext.workflows.fold_training import _child_main; _child_main()'


def run_folds(tasks: Sequence[FoldTask], workers: str = '1') -> Iterator[FoldTask]:
    """Train each task in a process of its own, and yield the tasks as they finish; on Dask in the order given.

    Args:
        tasks: The trainings.
        workers: How many train at a time, with an equal share of the cores each; or ``dask://host:port`` of a running
            scheduler, whose workers see data and folders under the same absolute paths.

    Raises:
        InputError: A config, the data or ``workers`` cannot be used.
    """
    jobs = count_workers(workers)
    if jobs is None:
        yield from _run_on_dask(tasks, workers)
        return
    jobs = max(1, min(jobs, len(tasks)))
    if jobs > 1:
        import yapf  # noqa: F401 - caches its grammar as it is first imported: no process may read what another writes
    # A second training in a process would meet mmengine's state of the first.
    with spawn_pool(jobs, _limit_threads, (jobs,), tasks_per_child=1) as pool:
        waiting, running = list(tasks), set[Future[FoldTask]]()
        while waiting or running:  # no more are submitted than run: a pool trains what it has, even after an error
            while waiting and len(running) < jobs:
                running.add(pool.submit(_run_fold, waiting.pop(0)))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


def _limit_threads(jobs: int) -> None:
    """Give each of several trainings its share of the cores, unless the user has set it; torch is not loaded yet."""
    if jobs > 1:
        os.environ.setdefault('OMP_NUM_THREADS', _threads_of_one(jobs))


def _threads_of_one(jobs: int) -> str:
    return str(max(1, usable_cores() // jobs))


def _run_fold(task: FoldTask) -> FoldTask:
    from mmseg_ext.inference.predictor import Predictor
    from mmseg_ext.inference.torch_network import TorchNetwork
    from mmseg_ext.workflows.train import train_in_own_process

    options = {
        **task.options,
        'train_dataloader.dataset': training_data(task),
        # No checkpoint is chosen by the held-out images nor by other masks: the last one is taken.
        'val_dataloader': None,
        'val_cfg': None,
        'val_evaluator': None,
        'default_hooks.checkpoint.save_best': None,
    }
    train_in_own_process(task.config, task.work_dir, task.seed, options)
    checkpoint = (Path(task.work_dir) / 'last_checkpoint').read_text(encoding='utf-8').strip()
    network = TorchNetwork(task.config, Path(task.work_dir) / Path(checkpoint).name, DTYPE, options=task.options)
    predictor = Predictor(network, tta=None).with_sides(task.sides)
    for path in task.held_out:
        probabilities = predictor.predict(read_image(path)).probabilities
        save_probabilities(Path(task.out) / f'{Path(path).stem}.npz', probabilities)
    return task


def _run_on_dask(tasks: Sequence[FoldTask], address: str) -> Iterator[FoldTask]:
    if not tasks:
        return
    problems = run_chunks(
        _in_own_process, [_absolute(task) for task in tasks], address, Path(os.path.abspath(tasks[0].data_root))
    )
    for task, problem in zip(tasks, problems, strict=True):
        if problem:
            raise InputError(Path(task.work_dir).name, problem)
        yield task


def _absolute(task: FoldTask) -> FoldTask:
    """Name files as a process elsewhere finds them."""
    return replace(
        task,
        config=os.path.abspath(task.config) if os.path.isfile(task.config) else task.config,
        data_root=os.path.abspath(task.data_root),
        held_out=tuple(map(os.path.abspath, task.held_out)),
        work_dir=os.path.abspath(task.work_dir),
        out=os.path.abspath(task.out),
    )


def _in_own_process(task: FoldTask) -> str:
    """Run a task in a process of its own, and return its error, or nothing.

    A Dask worker is a daemon, to which multiprocessing allows no children, and is told to compute on one thread: the
    training gets its share of the cores instead. An error is returned, since Dask would repeat what raises one.
    """
    from distributed import get_worker

    threads = dict.fromkeys(DASK_THREADS, _threads_of_one(get_worker().state.nthreads))
    with subprocess.Popen(
        [sys.executable, '-c', CHILD_CODE], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **threads}
    ) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        pickle.dump(task, child.stdin)
        child.stdin.flush()  # and left open: that it closes tells the child that this process has died
        problem = ''
        for line in child.stderr:
            text = line.decode(errors='replace')
            sys.stderr.write(text)  # the worker's log
            if text.startswith('error: '):
                problem = text.removeprefix('error: ').strip()
        code = child.wait()
    if code < 0:
        return f'was killed by signal {-code}, perhaps out of memory'
    return (problem or f"ended with code {code}: see the worker's log") if code else ''


def _child_main() -> None:
    task = pickle.load(sys.stdin.buffer)

    def end_with_parent() -> None:
        os.read(sys.stdin.fileno(), 1)
        os._exit(1)  # at once: another worker takes the training up from its last checkpoint

    threading.Thread(target=end_with_parent, name='end-with-parent', daemon=True).start()
    try:
        _run_fold(task)
    except InputError as error:
        sys.exit(f'error: {error}')
