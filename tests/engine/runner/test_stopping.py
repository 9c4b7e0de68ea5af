"""Trainings that are stopped by signals or killed, and end where an uninterrupted one does."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook

from mmseg_ext.engine.checkpoints.files import last_checkpoint
from mmseg_ext.engine.runner import stopping
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')


class SignalHook(Hook):
    """Sends signals to this process in one step, or in one batch of a validation."""

    priority = 'VERY_HIGH'

    def __init__(self, *signals: signal.Signals, step: int = -1, validation: int = -1) -> None:
        self.signals, self.step, self.validation = signals, step, validation

    def before_train(self, runner: Any) -> None:
        self.others = {process.pid for process in multiprocessing.active_children()}

    def send(self) -> None:
        workers = {process.pid for process in multiprocessing.active_children()} - self.others
        for number in self.signals:
            if workers:  # a scheduler signals all processes of a job; torch's workers obey their parent in another way
                subprocess.run(['kill', f'-{int(number)}', *map(str, workers)], check=True)
                time.sleep(0.3)  # for the news of a worker's death to arrive within this step
            signal.raise_signal(number)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter + 1 == self.step:
            self.send()

    def before_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == self.validation and batch_idx == 1:
            self.send()


def weights(runner: Any) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in runner.model.state_dict().items()}


def run_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / 'run.json').read_text())
    return record


def rows(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / 'scalars.json').read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if 'time' not in key} for line in lines]


UNLIKE = {'cfg', 'time', 'experiment_name', 'last_ckpt', 'best_ckpt', 'last_time', 'resumed_keys'}  # names, clocks


def flat(value: Any, name: str = '') -> dict[str, Any]:
    """A nested state as name → value, tensors as lists, without what differs between any two runs."""
    if isinstance(value, torch.Tensor):
        return {name: repr(value.tolist())}  # NaN equals itself as text only
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        parts = [flat(one, f'{name}.{key}') for key, one in items if key not in UNLIKE and 'time' not in str(key)]
        return {key: one for part in parts for key, one in part.items()}
    return {name: value}


def assert_same_run(folder: Path, whole: Path) -> None:
    """Compare all that a training leaves behind: state, curves, scores, names of the files."""
    one, other = (flat(load_checkpoint_file(last_checkpoint(path))) for path in (folder, whole))
    assert {key for key in {*one, *other} if one.get(key) != other.get(key)} == set()
    assert rows(folder) == rows(whole)
    assert {path.name for path in folder.glob('*.pth')} == {path.name for path in whole.glob('*.pth')}
    assert run_record(folder)['best'] == run_record(whole)['best']
    assert run_record(folder)['status'] == run_record(whole)['status'] == 'finished'


class TestSignals:
    @pytest.mark.parametrize(
        ('unit', 'moment', 'workers'),
        [
            ({'epochs': 3}, {'step': 6}, 0),
            ({'epochs': 3}, {'step': 6}, 2),
            ({'epochs': 3}, {'step': 8}, 0),
            ({'epochs': 3}, {'validation': 8}, 0),
            ({'iters': 12}, {'step': 6}, 2),
            ({'iters': 12}, {'step': 12}, 0),
            ({'iters': 12}, {'validation': 8}, 0),
        ],
    )
    def test_a_stopped_training_ends_where_an_uninterrupted_one_does(
        self, toy: ModuleType, tmp_path: Path, unit: dict[str, int], moment: dict[str, int], workers: int
    ) -> None:
        def build(name: str, *hooks: Any, **changes: Any) -> Any:
            hooks = (*toy.CURVES, {'type': 'EMAHook', 'momentum': 0.2}, *hooks)
            return toy.build_runner(tmp_path / name, **unit, custom_hooks=list(hooks), log_level='ERROR', **changes)

        build('whole').train()
        hook = SignalHook(signal.SIGTERM, **moment)
        loader = {}
        if workers:
            source = build('unused').train_source
            source = {**source, 'dataset': toy.ToyData(), 'sampler': source['sampler'], 'num_workers': workers}
            loader = {'train_dataloader': source}
        runner = build('parts', hook, **loader)
        with pytest.raises(SystemExit) as caught:
            runner.train()
        assert caught.value.code == 128 + signal.SIGTERM == 143
        stopped_at = next(iter(moment.values()))
        assert last_checkpoint(tmp_path / 'parts') == tmp_path / 'parts' / 'interrupted.pth'
        assert load_checkpoint_file(tmp_path / 'parts' / 'interrupted.pth')['meta']['iter'] == stopped_at
        record = run_record(tmp_path / 'parts')
        assert (record['status'], record['iterations']['done']) == ('interrupted', stopped_at)
        assert 'SIGTERM' in record['reason']
        rest = build('parts', resume=True)
        rest.train()
        assert len(rest.train_dataloader.dataset.seen) == 2 * (12 - stopped_at)  # nothing is loaded twice
        assert_same_run(tmp_path / 'parts', tmp_path / 'whole')

    def test_gradients_that_are_accumulated_are_waited_for(self, toy: ModuleType, tmp_path: Path) -> None:
        wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW'}, 'accumulative_counts': 3}
        hooks = [SignalHook(signal.SIGHUP, step=4)]
        runner = toy.build_runner(tmp_path, iters=12, optim_wrapper=wrapper, custom_hooks=hooks, log_level='ERROR')
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup, under which tests may run, ignores it
        try:
            with pytest.raises(SystemExit) as caught:
                runner.train()
        finally:
            signal.signal(signal.SIGHUP, before)
        assert caught.value.code == 128 + signal.SIGHUP
        assert load_checkpoint_file(tmp_path / 'interrupted.pth')['meta']['iter'] == 6

    @pytest.mark.parametrize('unit', [{'epochs': 2}, {'iters': 8}])
    def test_a_worker_outlives_a_signal_that_comes_while_it_starts(
        self, toy: ModuleType, tmp_path: Path, unit: dict[str, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After torch has installed its own handler there and before any code of ours runs."""
        main, started = os.getpid(), tmp_path / 'started'

        def set_threads(count: int) -> None:
            if os.getpid() != main:
                for number in stopping.STOP_SIGNALS:
                    os.kill(os.getpid(), number)
                with started.open('a') as stream:
                    stream.write('.')

        monkeypatch.setattr(torch, 'set_num_threads', set_threads)
        toy.build_runner(tmp_path / 'run', workers=1, log_level='ERROR', **unit).train()
        assert len(started.read_text()) == (4 if 'epochs' in unit else 3)  # of one loader or of both, each pass anew

    def test_sigint_is_a_keyboard_interrupt_and_handlers_are_put_back(self, toy: ModuleType, tmp_path: Path) -> None:
        before = [signal.getsignal(number) for number in stopping.STOP_SIGNALS]
        signals = [signal.SIGINT, signal.SIGTERM]  # the second comes too soon to mean anything
        hooks = [SignalHook(*signals, step=2)]
        with pytest.raises(KeyboardInterrupt, match='SIGINT after iteration 2'):
            toy.build_runner(tmp_path, epochs=2, custom_hooks=hooks, log_level='ERROR').train()
        assert [signal.getsignal(number) for number in stopping.STOP_SIGNALS] == before
        assert (tmp_path / 'interrupted.pth').is_file()

    def test_a_second_signal_stops_at_once(
        self, toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stopping, 'ONE_REQUEST_S', 0)
        hooks = [*toy.CURVES, SignalHook(signal.SIGTERM, signal.SIGUSR1, step=2)]
        with pytest.raises(SystemExit) as caught:
            toy.build_runner(tmp_path, epochs=2, custom_hooks=hooks, log_level='ERROR').train()
        assert caught.value.code == 128 + signal.SIGUSR1
        assert list(tmp_path.glob('*.pth')) == []
        assert run_record(tmp_path)['status'] == 'interrupted'

    def test_what_is_ignored_stays_so_and_other_threads_change_nothing(self) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        handlers: list[Any] = []

        def enter() -> None:
            with stopping.StopSignals():
                handlers.extend(signal.getsignal(number) for number in stopping.STOP_SIGNALS)

        try:
            expected = [signal.getsignal(number) for number in stopping.STOP_SIGNALS]
            thread = threading.Thread(target=enter)
            thread.start()
            thread.join()
            assert handlers == expected
            with stopping.StopSignals() as signals:
                assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
                signal.raise_signal(signal.SIGTERM)
                assert signals.agreed() == signal.SIGTERM
        finally:
            signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize('unit', [{'epochs': 3}, {'iters': 12}])
@pytest.mark.parametrize('last', [False, True])
def test_a_validation_that_was_broken_off_is_made_up_for(
    toy: ModuleType, tmp_path: Path, unit: dict[str, int], last: bool
) -> None:
    def build(name: str, *hooks: Any, **changes: Any) -> Any:
        hooks = (*toy.CURVES, *hooks)
        return toy.build_runner(tmp_path / name, **unit, custom_hooks=list(hooks), log_level='ERROR', **changes)

    class Crash(Hook):
        priority = 'LOW'  # after the curve has its point, before the checkpoint is written again

        def after_val_epoch(self, runner: Any, metrics: Any = None) -> None:
            if runner.iter == (12 if last else 8):
                raise RuntimeError('power cut')

    build('whole').train()
    with pytest.raises(RuntimeError, match='power cut'):
        build('parts', Crash()).train()
    build('parts', resume=True).train()
    assert_same_run(tmp_path / 'parts', tmp_path / 'whole')


def test_a_disk_that_is_full_at_any_write_costs_no_more_than_the_step(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(name: str, iters: int, **changes: Any) -> Any:
        return toy.build_runner(tmp_path / name, iters=iters, log_level='ERROR', **changes)

    whole = build('whole', 8)
    whole.train()
    writes = 5  # of a validated step: last, its pointer, best, last, its pointer
    for count in range(writes):
        build(str(count), 4).train()
        left, fsync = [count], os.fsync

        def full(handle: int, left: list[int] = left, fsync: Any = fsync) -> None:
            if not left[0]:
                raise OSError(errno.ENOSPC, 'No space left on device')
            left[0] -= 1
            fsync(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, 'fsync', full)
            with pytest.raises(InputError, match=r'cannot be written \(No space left on device\)'):
                build(str(count), 8, resume=True).train()
        for path in (tmp_path / str(count)).glob('*.pth'):
            load_checkpoint_file(path)
        assert not list((tmp_path / str(count)).glob('.*'))
        rest = build(str(count), 8, resume=True)
        rest.train()
        torch.testing.assert_close(weights(rest), weights(whole), rtol=0, atol=0)
        assert {path.name for path in (tmp_path / str(count)).glob('*.pth')} == {
            path.name for path in (tmp_path / 'whole').glob('*.pth')
        }


def test_five_kills_and_three_sigterms_at_random_moments_change_nothing(toy: ModuleType, tmp_path: Path) -> None:
    """Before and after steps, within validations and within writes of checkpoints."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmseg_ext.engine', 'torch._dynamo'])  # the optimizer imports the second
    epochs, moments = '14', 22  # of about 15 an epoch

    def train(name: str, *arguments: str) -> int | None:
        ours = {'ARGUMENTS': [str(tmp_path / name), '--epochs', epochs, '--resume', *arguments]}
        process = context.Process(target=runpy.run_path, args=(toy.__file__, ours, '__main__'))
        process.start()
        process.join(60)
        return process.exitcode

    generator = random.Random(0)
    faults = [*['SIGKILL'] * 5, *['SIGTERM'] * 3]
    generator.shuffle(faults)
    for name in faults:
        code = train('parts', '--fault', name, str(generator.randint(1, moments)))
        assert code == (143 if name == 'SIGTERM' else -signal.SIGKILL)
    assert train('parts') == train('whole') == 0
    assert_same_run(tmp_path / 'parts', tmp_path / 'whole')
    assert not [path for path in (tmp_path / 'parts').glob('.*') if path.is_file()]
