"""The sides of the benchmarks ``train`` and ``val``: what each does, in this process, and how processes take turns."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.benchmark import contestant, roles
from mmseg_ext.workflows.benchmark.contestant import contestants, in_turn
from mmseg_ext.workflows.benchmark.workload import (
    CHEAP_MODEL,
    Workload,
    open_workload,
    our_config,
    stock_config,
)

DEMO = 'demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192'


class Done(BaseException):
    """Ends a training from within, as the end of the process does."""


class TwoSteps:
    """In the place of `contestant.Turns`: ends the role after its second step."""

    def __init__(self) -> None:
        self.done = 0

    def wait(self) -> None:
        pass

    def step_done(self) -> None:
        self.done += 1
        if self.done == 2:
            raise Done


@pytest.fixture(scope='module')
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    opened = open_workload(DEMO, None, tmp_path_factory.mktemp('work'), images=3, size=64, batch=2, workers=0)
    opened.config.model = CHEAP_MODEL
    return opened


@pytest.mark.parametrize('role', roles.ROLES)
def test_each_role_makes_its_steps(
    role: str, workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, 'Turns', TwoSteps)
    config = stock_config(workload) if role == 'train-stock' else our_config(workload)
    config.dump(str(tmp_path / 'config.py'))
    with pytest.raises(Done):
        roles.play(role, str(tmp_path / 'config.py'), str(tmp_path / 'run'))


def test_the_two_configs_are_equal_work(workload: Workload) -> None:
    ours, stock = our_config(workload), stock_config(workload)
    assert 'mmseg_ext' not in str(stock.train_dataloader) + str(stock.val_dataloader) + str(stock.val_evaluator)
    assert stock.model.data_preprocessor.type == 'SegDataPreProcessor'
    for config in (ours, stock):
        assert config.train_dataloader.batch_size == 2
        assert config.model.data_preprocessor.size == (64, 64)
    for key in ('backbone', 'decode_head'):
        assert ours.model[key] == stock.model[key]
    assert stock.optim_wrapper == {
        'type': 'OptimWrapper',
        **{key: ours.optim_wrapper[key] for key in ('clip_grad', 'paramwise_cfg')},
        'optimizer': {key: value for key, value in ours.optim_wrapper.optimizer.items() if key != 'fused'},
    }


def test_losses_become_mmsegmentations_own() -> None:
    from mmseg_ext.workflows.benchmark.workload import _stock_part

    loss = {'type': 'mmseg_ext.CrossEntropyLoss', 'class_weight': 'median', 'loss_weight': 0.4}
    assert _stock_part([loss]) == [{'type': 'CrossEntropyLoss', 'loss_weight': 0.4}]


WORK = """
import sys, types
from mmseg_ext.workflows.benchmark import contestant
print('noise on stdout')
now = 0.0
contestant.time = types.SimpleNamespace(perf_counter=lambda: now)
turns = contestant.Turns()
turns.wait()
while True:
    now += float(sys.argv[1])
    turns.step_done()
"""


def test_contestants_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, 'START', WORK)
    with contestants({'quick': ('0.25', Path()), 'slow': ('8', Path())}, tmp_path, 1) as started:
        seconds = in_turn(started, rounds=2, steps=2)
        processes = [one._process for one in started.values()]
    assert seconds == {'quick': [0.25, 0.25], 'slow': [8, 8]}
    assert all(process.returncode is not None for process in processes)


def test_a_contestant_that_ends_is_named_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, 'START', 'raise SystemExit("no such model")')
    with pytest.raises(InputError, match=r'ours.*no such model'), contestants({'ours': ('', Path())}, tmp_path, 1):
        pass
