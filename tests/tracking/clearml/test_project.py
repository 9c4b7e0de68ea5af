"""A task of ClearML as a run to compare. The real SDK against a server: tests/commands/test_clearml_compare.py."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.reports.compare.comparison import compare_runs
from mmseg_ext.runs.record import RunRecord
from mmseg_ext.tracking.clearml import project as module
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.project import read_project, read_task

CURVES = {
    'train/loss': {'decode.loss_ce': ([10, 20, 30], [3.0, 2.0, 1.0])},
    'train/seconds': {'step': ([10, 20, 30], [0.5, 0.25, 9.0])},
    'val/mDice': {'mDice': ([10, 20, 30], [50.0, 70.0, 60.0])},
    'val/Dice': {'cat': ([10, 20, 30], [40.0, 65.0, 50.0]), 'dog': ([10, 30], [60.0, 70.0])},
    ':monitor:gpu': {'gpu_0': ([1], [99.0])},
}
SETTINGS = {'config': 'unet', 'commit': 'abc', 'seed': 3, 'lr': 0.1, 'batch_size': 4, 'val_labels': 'labels'}


class FakeTask:
    """What is used of ``clearml.Task``."""

    def __init__(
        self,
        name: str = 'run',
        status: str = 'completed',
        message: str | None = None,
        settings: Any = SETTINGS,
        curves: Any = CURVES,
        singles: Any = None,
        identity: str = 'a1b2c3d4',
        config: str | None = None,
    ) -> None:
        self.name, self.id = name, identity
        self.data = SimpleNamespace(status=status, status_message=message, status_reason=None, last_update='noon')
        self._settings, self._curves, self._singles, self._config = settings, curves, singles or {}, config

    def get_parameters(self, cast: bool) -> dict[str, Any]:
        assert cast
        return {f'Hyperparameters/{key}': value for key, value in self._settings.items()} | {'Args/config': 'c/args.py'}

    def get_configuration_object(self, name: str) -> str | None:
        assert name == 'config'
        return self._config

    def get_reported_scalars(self) -> Any:
        return {
            title: {name: {'name': name, 'x': x, 'y': y} for name, (x, y) in series.items()}
            for title, series in self._curves.items()
        }

    def get_reported_single_values(self) -> dict[str, float]:
        if self._singles == 'broken':
            raise ValueError('no\nanswer')
        found: dict[str, float] = self._singles
        return found

    def get_output_log_web_page(self) -> str:
        return f'http://web/{self.id}'


def test_a_finished_training() -> None:
    singles = {'minutes': 3.5, 'parameters': 1234567.0, 'GFLOPs': 8.5, 'best mDice': 70.0, 'best mDice at': 20.0}
    run = read_task(FakeTask(singles=singles))
    assert (run.name, run.experiment, run.status, run.reason) == ('run', 'unet', 'finished', '')
    assert (run.seed, run.batch_size, run.commit, run.task_id) == (3, 4, 'abc', 'a1b2c3d4')
    assert (run.parameters, run.gflops, run.minutes) == (1234567, 8.5, 3.5)
    assert run.images_per_second == 4 / 0.5  # by the median, not the mean
    assert run.place == 'http://web/a1b2c3d4'
    assert run.hyperparameters == {'seed': 3, 'lr': 0.1, 'batch_size': 4, 'val_labels': 'labels'}
    assert set(run.curves) == {'train/decode.loss_ce', 'train/time', 'val/mDice', 'val/Dice/cat', 'val/Dice/dog'}
    assert run.curves['train/decode.loss_ce'].iterations.tolist() == [10, 20, 30]
    (evaluation,) = run.evaluations
    assert (evaluation.split, evaluation.tta, evaluation.labels) == ('val', False, 'labels')
    assert evaluation.mean is not None
    assert (evaluation.mean.value, evaluation.mean.low) == (70.0, None)
    assert {name: score.value for name, score in evaluation.classes.items()} == {'cat': 65.0}  # dog had none at 20
    assert 'iteration 20' in evaluation.source


def test_the_best_validation_is_the_named_one_or_the_greatest() -> None:
    def value(singles: dict[str, float]) -> float:
        mean = read_task(FakeTask(singles=singles)).evaluations[0].mean
        assert mean is not None
        return mean.value

    assert value({'best mDice at': 30.0}) == 60.0
    assert value({'best mDice at': 25.0}) == 70.0  # of a validation that is not among the points
    assert value({}) == 70.0


def test_what_is_not_known_stays_unknown() -> None:
    run = read_task(FakeTask(settings={'seed': 'none', 'commit': 'none'}, curves={}))
    assert (run.seed, run.commit, run.parameters, run.gflops, run.minutes) == (None,) * 5
    assert (run.images_per_second, run.evaluations, run.experiment) == (None, (), 'args')
    assert run.reason == 'has logged no val/mDice'


@pytest.mark.parametrize(
    ('status', 'message', 'expected'),
    [
        ('failed', 'ValueError: ö\nx', ('failed', 'ValueError: ö x')),
        ('failed', None, ('failed', 'failed')),
        ('stopped', 'by a user', ('interrupted', 'by a user')),
        ('in_progress', 'ignored', ('running', 'last update noon')),
        ('queued', None, ('unfinished', 'waiting in a queue')),
        ('created', None, ('unfinished', 'a draft, not started')),
        ('published', None, ('finished', '')),
        ('odd', None, ('unfinished', 'has the status odd')),
    ],
)
def test_status(status: str, message: str | None, expected: tuple[str, str]) -> None:
    run = read_task(FakeTask(status=status, message=message))
    assert (run.status, run.reason) == expected


def test_a_broken_task_says_so() -> None:
    run = read_task(FakeTask(singles='broken'))
    assert (run.status, run.reason, run.task_id) == ('unreadable', 'ValueError: no answer', 'a1b2c3d4')


def test_names_differ_and_known_runs_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [FakeTask(identity=identity) for identity in ('aaaaaa1', 'aaaaaa2', 'bbbbbb1', 'known')]
    monkeypatch.setattr(server, 'require', lambda timeout: None)

    def read(project: str, ids: set[str | None]) -> Iterator[RunRecord | None]:
        yield from (None if task.id in ids else read_task(task) for task in tasks)

    monkeypatch.setattr(module, '_read_tasks', read)
    local = [RunRecord('run', task_id='known'), RunRecord('other')]
    found = read_project('pets', local)
    assert [run.name for run in found] == ['run · aaaaaa', 'run · aaaaaa+', 'run · bbbbbb']
    compare_runs([*local, *found])  # which wants names that differ
    tasks.clear()
    assert read_project('pets', local) == []
    with pytest.raises(InputError, match='no training in this project'):
        read_project('pets', [RunRecord('other')])


def test_runs_of_two_seeds_are_one_group() -> None:
    runs = [
        read_task(FakeTask(f'unet-s{seed}', settings={**SETTINGS, 'seed': seed}, identity=str(seed))) for seed in (0, 1)
    ]
    (group,) = compare_runs(runs).groups
    assert (group.label, group.seeds) == ('unet', [0, 1])


def test_configs_that_differ_make_two_groups() -> None:
    texts = [f"model = dict(decode_head=dict(type='FCNHead', dropout_ratio={ratio}))" for ratio in (0.1, 0.5)]
    comparison = compare_runs([read_task(FakeTask(f'trial-{n}', config=text)) for n, text in enumerate(texts)])
    assert [group.label for group in comparison.groups] == ['trial-0', 'trial-1']
    assert comparison.differing == {'model.decode_head.dropout_ratio': [0.1, 0.5]}


def test_a_config_that_is_a_program_stays_unknown() -> None:
    run = read_task(FakeTask(config="x = open('hacked', 'w')"))
    assert (run.status, run.config) == ('finished', {})
    assert run.reason == (
        'config: is not a config written by a training (line 1 calls a function); its settings stay unknown'
    )


def test_a_silent_server_is_given_up() -> None:
    waiting = threading.Event()

    def make() -> Iterator[int]:
        yield 1
        waiting.wait()

    values = server.bounded(make, 0.2)
    assert next(values) == 1
    with pytest.raises(InputError, match=r'has not answered for 0\.2 s'):
        next(values)
    waiting.set()


def test_what_the_sdk_raises_becomes_one_line() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise RuntimeError('a\nb')

    def refused() -> Iterator[int]:
        raise InputError('as it is')
        yield 1

    with pytest.raises(InputError, match='RuntimeError: a b; check that the server runs'):
        list(server.bounded(broken, 5))
    with pytest.raises(InputError, match=r'^as it is$'):
        list(server.bounded(refused, 5))
    assert list(server.bounded(lambda: iter(range(3)), 5)) == [0, 1, 2]


def test_curves_with_nan() -> None:
    curves = {'val/mDice': {'mDice': ([1, 2], [np.nan, np.nan])}}
    assert read_task(FakeTask(curves=curves)).evaluations == ()
    curves = {'val/mDice': {'mDice': ([1, 2], [np.nan, 5.0])}}
    mean = read_task(FakeTask(curves=curves)).evaluations[0].mean
    assert mean is not None
    assert mean.value == 5.0
