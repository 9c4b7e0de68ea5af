from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModule
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner as MMEngineRunner

from mmseg_ext.engine.checkpoints.files import last_checkpoint
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

Script = tuple[list[str], dict[str, str]]


def weights(runner: Any) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in runner.model.state_dict().items()}


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def break_file(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(toy: ModuleType, tmp_path: Path) -> None:
    whole = toy.build_runner(tmp_path / 'whole', epochs=4)
    whole.train()
    toy.build_runner(tmp_path / 'parts', epochs=2).train()
    rest = toy.build_runner(tmp_path / 'parts', epochs=4, resume=True)
    rest.train()
    assert rest.iter == 16
    assert_equal(weights(rest), weights(whole))
    assert rest.train_dataloader.dataset.seen == whole.train_dataloader.dataset.seen[16:]
    expected = whole.message_hub.get_scalar('train/loss').data[0]
    np.testing.assert_array_equal(rest.message_hub.get_scalar('train/loss').data[0], expected)
    assert rest.message_hub.get_info('best_score') == whole.message_hub.get_info('best_score')


def test_the_log_file_is_closed_at_the_end_and_takes_what_comes_later(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path, epochs=1, log_level='INFO')
    runner.train()
    (log,) = tmp_path.glob('*/*.log')
    text = log.read_text()
    assert 'Saving checkpoint' in text
    assert not any(isinstance(handler, logging.FileHandler) for handler in runner.logger.handlers)
    BaseModule().init_weights()  # mmengine writes into the open files of the last run's logger
    runner.logger.info('tested later')
    assert log.read_text().startswith(text)
    assert 'tested later' in log.read_text()


def test_an_iteration_based_run_resumes_at_its_iteration(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, iters=8).train()
    assert last_checkpoint(tmp_path) == tmp_path / 'iter_8.pth'
    runner = toy.build_runner(tmp_path, iters=12, resume=True)
    runner.train()
    assert runner.iter == 12
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 12


def with_worker(toy: ModuleType, sampler: str, persistent: bool) -> dict[str, Any]:
    loader = {'batch_size': 2, 'num_workers': 1, 'persistent_workers': persistent}
    parts = {'dataset': toy.ToyData(), 'sampler': {'type': sampler}, 'collate_fn': {'type': 'default_collate'}}
    return {'train_dataloader': {**loader, **parts}}


@pytest.mark.parametrize('persistent', [False, True])
@pytest.mark.parametrize(
    ('unit', 'half', 'sampler'),
    [('epochs', 1, 'DefaultSampler'), ('iters', 4, 'DefaultSampler'), ('iters', 4, 'InfiniteSampler')],
)
def test_neither_workers_nor_a_resumption_change_a_training(
    toy: ModuleType, tmp_path: Path, unit: str, half: int, sampler: str, persistent: bool
) -> None:
    alone = with_worker(toy, sampler, False)
    alone['train_dataloader']['num_workers'] = 0
    whole = toy.build_runner(tmp_path / 'whole', **{unit: 2 * half}, **alone)
    whole.train()
    other = toy.build_runner(tmp_path / 'other', **{unit: 2 * half}, **with_worker(toy, sampler, persistent))
    other.train()
    assert_equal(weights(other), weights(whole))
    parts = {'work_dir': tmp_path / 'parts', **with_worker(toy, sampler, persistent)}
    toy.build_runner(**parts, **{unit: half}).train()
    rest = toy.build_runner(**parts, **{unit: 2 * half}, resume=True)
    rest.train()
    assert rest.iter == whole.iter == 8
    assert_equal(weights(rest), weights(whole))


def test_a_resumed_run_keeps_its_seed(toy: ModuleType, tmp_path: Path) -> None:
    whole = toy.build_runner(tmp_path / 'whole', epochs=2)
    whole.train()
    toy.build_runner(tmp_path / 'parts', epochs=1).train()
    rest = toy.build_runner(tmp_path / 'parts', epochs=2, resume=True, randomness={'seed': 7}, log_level='ERROR')
    rest.train()
    assert rest.seed == whole.seed == 1
    assert_equal(weights(rest), weights(whole))


def test_validation_does_not_change_training(toy: ModuleType, tmp_path: Path) -> None:
    often = toy.build_runner(tmp_path / 'often', epochs=3)
    often.train()
    once_cfg = {'by_epoch': True, 'max_epochs': 3, 'val_interval': 3}
    once = toy.build_runner(tmp_path / 'once', train_cfg=once_cfg)
    once.train()
    assert_equal(weights(often), weights(once))


def test_the_file_is_plain_and_mmengines_runner_reads_it(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path)
    runner.train()
    checkpoint = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    assert {'meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers'} <= set(checkpoint)
    assert (checkpoint['meta']['epoch'], checkpoint['meta']['iter']) == (2, 8)
    assert checkpoint['meta']['dataset_meta'] == toy.ToyData.METAINFO
    other = toy.build_runner(tmp_path / 'other')
    MMEngineRunner.load_checkpoint(other, str(tmp_path / 'epoch_2.pth'), strict=True)
    assert_equal(weights(other), weights(runner))


def test_resuming_on_the_same_data_warns_of_nothing(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mmengine compares pickles of the data set's description, of which an array has become a list in the file."""
    monkeypatch.setitem(toy.ToyData.METAINFO, 'palette', np.array([[0, 0, 0], [1, 2, 3]]))
    toy.build_runner(tmp_path, epochs=1).train()
    runner = toy.build_runner(tmp_path, epochs=2, resume=True)
    warnings: list[str] = []
    monkeypatch.setattr(runner.logger, 'warning', warnings.append)
    runner.train()
    assert warnings == []


def test_resume_without_checkpoints_starts_from_scratch(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path, epochs=1, resume=True)
    runner.train()
    assert runner.iter == 4
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_a_damaged_last_checkpoint_costs_one_epoch(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.build_runner(tmp_path, epochs=3).train()
    break_file(tmp_path / 'epoch_3.pth')
    runner = toy.build_runner(tmp_path, epochs=3, resume=True)
    warnings: list[str] = []
    monkeypatch.setattr(runner.logger, 'warning', warnings.append)
    runner.train()
    assert len(warnings) == 1
    assert str(tmp_path / 'epoch_3.pth') in warnings[0]
    assert len(runner.train_dataloader.dataset.seen) == 8  # one epoch
    assert load_checkpoint_file(tmp_path / 'epoch_3.pth')['meta']['epoch'] == 3


def test_no_readable_checkpoint_is_an_error(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, epochs=2).train()
    for path in tmp_path.glob('epoch_*.pth'):
        break_file(path)
    with pytest.raises(InputError, match='none of its 2 checkpoints can be read'):
        toy.build_runner(tmp_path, resume=True, log_level='ERROR').train()


def test_weights_only_cannot_be_resumed(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, epochs=1).train()
    best = tmp_path / 'best_mDice_epoch_1.pth'
    with pytest.raises(InputError, match='cannot be resumed'):
        toy.build_runner(tmp_path, resume=True, load_from=str(best)).train()


@pytest.mark.parametrize(
    'change',
    [
        lambda state: state.update(optimizer=[1, 2]),
        lambda state: state['message_hub'].update(log_scalars={'loss': 3}),
        lambda state: state['rng_state'].pop('numpy'),
        lambda state: state['meta'].pop('iter'),
        lambda state: state.update(param_schedulers='none'),
    ],
)
def test_a_state_of_another_form_is_one_line(
    change: Callable[[dict[str, Any]], Any], toy: ModuleType, tmp_path: Path
) -> None:
    toy.build_runner(tmp_path, epochs=1).train()
    state = load_checkpoint_file(tmp_path / 'epoch_1.pth')
    change(state)
    torch.save(state, tmp_path / 'epoch_1.pth')
    with pytest.raises(InputError, match=r'epoch_1\.pth: does not hold the state of this training \('):
        toy.build_runner(tmp_path, epochs=2, resume=True, log_level='ERROR').train()


def test_leftovers_of_a_kill_are_removed(toy: ModuleType, tmp_path: Path) -> None:
    (tmp_path / '.epoch_1-abcd1234.pth').write_bytes(b'half')
    toy.build_runner(tmp_path, epochs=1, resume=True).train()
    assert not (tmp_path / '.epoch_1-abcd1234.pth').exists()


class TestOtherModels:
    @pytest.fixture
    def files(self, toy: ModuleType, tmp_path: Path) -> dict[str, Path]:
        state = toy.ToyModel().state_dict()
        states = {
            'same': state,
            'wrapped': {f'module.{key}': value for key, value in state.items()},
            'other': {'body.weight': torch.zeros(2)},
            'shapes': {key: torch.zeros(7, 7) for key in state},
            'part': {key: value for key, value in state.items() if key.startswith('net')},
            'more': {**state, 'extra.weight': torch.zeros(1)},
            'head': {**state, 'head.weight': torch.zeros(5, 2, 1, 1)},
        }
        for name, value in states.items():
            torch.save({'state_dict': value, 'meta': {}}, tmp_path / f'{name}.pth')
        torch.save(state, tmp_path / 'bare.pth')
        return {name: tmp_path / f'{name}.pth' for name in [*states, 'bare']}

    @pytest.mark.parametrize('name', ['other', 'shapes', 'part', 'more', 'head'])
    def test_validation_refuses(self, name: str, files: dict[str, Path], toy: ModuleType, tmp_path: Path) -> None:
        with pytest.raises(InputError, match='checkpoint of another model') as caught:
            toy.build_runner(tmp_path / 'run', load_from=str(files[name])).val()
        counts = {'other': 0, 'shapes': 0, 'part': 7, 'more': 9, 'head': 8}
        assert f'{counts[name]} of the 9 keys' in str(caught.value)
        assert str(files[name]) in str(caught.value)

    @pytest.mark.parametrize('name', ['same', 'wrapped', 'bare'])
    def test_validation_takes_its_own(self, name: str, files: dict[str, Path], toy: ModuleType, tmp_path: Path) -> None:
        runner = toy.build_runner(tmp_path / 'run', load_from=str(files[name]))
        with torch.no_grad():
            for parameter in runner.model.parameters():
                parameter.zero_()
        runner.val()
        assert_equal(weights(runner), torch.load(files['same'])['state_dict'])

    @pytest.mark.parametrize('name', ['other', 'shapes'])
    def test_training_refuses_what_shares_nothing(
        self, name: str, files: dict[str, Path], toy: ModuleType, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match='0 of the 9 keys'):
            toy.build_runner(tmp_path / 'run', load_from=str(files[name])).train()

    @pytest.mark.parametrize('name', ['part', 'more', 'head'])
    def test_training_starts_from_a_part(
        self, name: str, files: dict[str, Path], toy: ModuleType, tmp_path: Path
    ) -> None:
        started: dict[str, torch.Tensor] = {}

        class Start(Hook):
            def before_train(self, runner: Any) -> None:
                started.update(weights(runner))

        runner = toy.build_runner(tmp_path / 'run', epochs=1, load_from=str(files[name]), log_level='ERROR')
        runner.register_hook(Start())
        runner.train()
        state = torch.load(files[name], weights_only=True)['state_dict']
        fitting = [key for key, value in state.items() if key in started and started[key].shape == value.shape]
        assert fitting
        assert all(torch.equal(started[key], state[key]) for key in fitting)


def test_several_optimizers(toy: ModuleType, tmp_path: Path) -> None:
    class Alternating(toy.ToyModel):
        def train_step(self, data: dict[str, Any], optim_wrapper: OptimWrapperDict) -> dict[str, torch.Tensor]:
            loss, log = self.parse_losses(self(**data, mode='loss'))
            loss.backward()
            for wrapper in optim_wrapper.values():
                wrapper.step()
                wrapper.zero_grad()
            return log

    def train(folder: str, iters: int, momentum: float = 0.9) -> Any:
        torch.manual_seed(0)
        model = Alternating()
        wrappers = OptimWrapperDict(
            net=OptimWrapper(torch.optim.AdamW(model.net.parameters(), lr=0.01)),
            head=OptimWrapper(torch.optim.SGD(model.head.parameters(), lr=0.01, momentum=momentum)),
        )
        skip = [{'type': 'mmseg_ext.InvalidLossHook', 'skip_nonfinite': True}]
        changes = {'model': model, 'optim_wrapper': wrappers, 'custom_hooks': skip, 'resume': True}
        runner = toy.build_runner(tmp_path / folder, iters=iters, **changes)
        runner.train()
        return runner

    train('parts', 4)
    assert_equal(weights(train('parts', 8)), weights(train('whole', 8)))
    with pytest.raises(InputError, match=r'momentum is 0\.9 in the run that is resumed, 0\.5 in the config'):
        train('parts', 12, momentum=0.5)


def test_an_unwritable_folder_is_one_line(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path / 'run', epochs=1)
    runner.train()
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='cannot be written'):
        runner.save_checkpoint(str(tmp_path / 'file'), 'x.pth')


def test_checkpoints_are_written_to_local_folders_only(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path)
    for option in ('backend_args', 'file_client_args'):
        with pytest.raises(InputError, match='checkpoints are written to local folders only'):
            runner.save_checkpoint(str(tmp_path), 'x.pth', **{option: {'backend': 'petrel'}})
    assert not (tmp_path / 'x.pth').exists()


def test_only_rank_0_writes_and_a_signal_to_one_rank_stops_all_at_the_same_step(
    toy_script: Script, tmp_path: Path
) -> None:
    command, env = toy_script
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = str(probe.getsockname()[1])
    shared = {**env, 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port, 'WORLD_SIZE': '2', 'CUDA_VISIBLE_DEVICES': ''}
    guard = (
        'import os, runpy, sys, torch, mmseg_ext.engine.checkpoints.files as io\n'
        'real = torch.save\n'
        'def save(*args, **kwargs):\n'
        '    print("saved by", os.environ["RANK"], flush=True)\n'
        '    real(*args, **kwargs)\n'
        'torch.save = save\n'
        'sys.argv = sys.argv[1:]\n'
        'runpy.run_path(sys.argv[0], run_name="__main__")\n'
    )
    processes = [
        subprocess.Popen(
            [
                *[sys.executable, '-c', guard, *command[1:], str(tmp_path)],
                *['--iters', '9999', '--launcher', 'pytorch', '--workers', '1'],
            ],
            env={**shared, 'RANK': str(rank), 'LOCAL_RANK': str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        for rank in range(2)
    ]
    while not (tmp_path / 'iter_8.pth').exists() and all(process.poll() is None for process in processes):
        time.sleep(0.05)
    os.killpg(processes[1].pid, signal.SIGTERM)  # to its workers, too
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], outputs
    assert outputs[0].count('saved by 0') >= 2
    assert 'saved by' not in outputs[1]
    assert last_checkpoint(tmp_path) == tmp_path / 'interrupted.pth'
    meta = load_checkpoint_file(tmp_path / 'interrupted.pth')['meta']
    assert f'stopped after iteration {meta["iter"]};' in outputs[0]
    assert os.environ.get('RANK') is None


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_freed_memory_is_kept_where_the_cpu_computes(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    monkeypatch.setattr('mmseg_ext.engine.runner.runner.keep_freed_memory', lambda: calls.append(1))
    toy.build_runner(tmp_path, epochs=1)
    assert calls == [1]
