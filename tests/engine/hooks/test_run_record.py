from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from mmseg_ext.errors import InputError

HOOKS = [{'type': 'mmseg_ext.ScalarsHook', 'interval': 4}, {'type': 'mmseg_ext.RunRecordHook'}]


def read(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / 'run.json').read_text())
    return content


class StopHook(Hook):
    """Raises at an iteration, and keeps what the record said then."""

    priority = 'LOWEST'

    def __init__(self, folder: Path, at: int, error: BaseException) -> None:
        self.folder, self.at, self.error = folder, at, error

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == self.at:
            self.said = read(self.folder)
            raise self.error


def test_a_finished_run(toy: ModuleType, tmp_path: Path) -> None:
    scripted = toy.ScriptedMetric([70.0, 90.0, 80.0])
    toy.build_runner(tmp_path, epochs=3, val_evaluator=[scripted], custom_hooks=HOOKS).train()
    record = read(tmp_path)
    assert (record['status'], record['reason']) == ('finished', '')
    assert record['best'] == {'metric': 'mDice', 'value': 90.0, 'iter': 8}
    assert record['iterations'] == {'done': 12, 'planned': 12}
    assert record['parameters'] == (9 + 1) * 2 + 2 * 2 + (2 + 1)  # two 3×3 filters, their norms, a 1×1 filter; biases
    assert record['input_size'] == [4, 4]
    assert record['gflops'] == 0.0  # 320 multiply-adds, in 10⁹ and rounded
    assert (record['seed'], record['batch_size'], record['device']) == (1, 2, 'cpu')
    assert record['minutes'] > 0
    assert record['images_per_second'] > 0


def test_fingerprints_are_read_from_the_first_step_on(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are null in the first record, and known to the end of a run, also of one that fails."""
    said: list[Any] = []

    def fingerprint(root: Path, labels: str | None, *arguments: Any) -> str:
        assert labels == 'labels'  # by default
        said.append(read(tmp_path)['data']['train'])
        return 'abc'

    monkeypatch.setattr('mmseg_ext.engine.hooks.run_record.data_fingerprint', fingerprint)
    stop = StopHook(tmp_path, 1, RuntimeError('out of memory'))
    runner = toy.build_runner(tmp_path, custom_hooks=[*HOOKS, stop])
    data = {'data_root': '/data/some', 'split': 'train'}
    runner.cfg.train_dataloader = {'dataset': {'type': 'RepeatDataset', 'times': 2, 'dataset': data}}
    with pytest.raises(RuntimeError):
        runner.train()
    entry = {'root': 'some', 'labels': 'labels', 'split': 'train'}
    assert said == [[{**entry, 'fingerprint': None}]]
    assert read(tmp_path)['data'] == {'train': [{**entry, 'fingerprint': 'abc'}], 'val': []}


def test_the_best_metric_may_be_the_smallest(toy: ModuleType, tmp_path: Path) -> None:
    checkpoint = {'type': 'mmseg_ext.CheckpointHook', 'interval': 1, 'save_best': 'mDice', 'rule': 'less'}
    scripted = toy.ScriptedMetric([3.0, 1.0, 2.0])
    toy.build_runner(
        tmp_path, epochs=3, val_evaluator=[scripted], custom_hooks=HOOKS, default_hooks={'checkpoint': checkpoint}
    ).train()
    assert read(tmp_path)['best'] == {'metric': 'mDice', 'value': 1.0, 'iter': 8}


def test_it_says_running_until_the_end_and_then_why_it_failed(toy: ModuleType, tmp_path: Path) -> None:
    stop = StopHook(tmp_path, 6, RuntimeError('out of\nmemory'))
    with pytest.raises(RuntimeError):
        toy.build_runner(tmp_path, epochs=3, custom_hooks=[*HOOKS, stop]).train()
    assert stop.said['status'] == 'running'
    assert stop.said['iterations']['done'] == 4  # of the last validation
    assert (read(tmp_path)['status'], read(tmp_path)['reason']) == ('failed', 'RuntimeError: out of memory')


def test_what_a_worker_finds_wrong_is_the_reason_without_its_traceback(toy: ModuleType, tmp_path: Path) -> None:
    text = (
        'Caught InputError in DataLoader worker process 0.\nTraceback …\nmmseg_ext.errors.InputError: a.png: holds id 9'
    )
    with pytest.raises(InputError):
        toy.build_runner(tmp_path, custom_hooks=[*HOOKS, StopHook(tmp_path, 2, InputError(text))]).train()
    assert (read(tmp_path)['status'], read(tmp_path)['reason']) == ('failed', 'a.png: holds id 9')


def test_a_run_that_was_stopped_by_hand(toy: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        toy.build_runner(tmp_path, custom_hooks=[*HOOKS, StopHook(tmp_path, 2, KeyboardInterrupt())]).train()
    assert (read(tmp_path)['status'], read(tmp_path)['reason']) == ('interrupted', 'KeyboardInterrupt')


def test_resuming_adds_minutes_and_forgets_scores_of_a_later_state(toy: ModuleType, tmp_path: Path) -> None:
    first = toy.ScriptedMetric([70.0, 60.0, 95.0])
    toy.build_runner(tmp_path, epochs=3, val_evaluator=[first], custom_hooks=HOOKS).train()
    earlier = read(tmp_path)
    assert earlier['best']['iter'] == 12
    (tmp_path / 'run.json').write_text(json.dumps({**earlier, 'minutes': 100.0}))
    (tmp_path / 'records').mkdir()
    stale = tmp_path / 'records' / 'val_best.parquet'
    stale.write_bytes(b'of iteration 12')
    (tmp_path / 'epoch_3.pth').unlink()
    second = toy.ScriptedMetric([65.0, 66.0])
    toy.build_runner(tmp_path, epochs=4, val_evaluator=[second], custom_hooks=HOOKS, resume=True).train()
    record = read(tmp_path)
    assert record['best'] == {'metric': 'mDice', 'value': 70.0, 'iter': 4}
    assert 100 < record['minutes'] < 101
    assert record['started'] == earlier['started']
    assert not stale.exists()


def test_a_resumed_run_names_the_seed_that_it_keeps(toy: ModuleType, tmp_path: Path) -> None:
    for epochs, seed in ((1, 3), (2, 7)):
        config = {'randomness': {'seed': seed}, 'cfg': Config({'randomness': {'seed': seed}})}
        toy.build_runner(tmp_path, epochs, resume=True, custom_hooks=HOOKS, log_level='ERROR', **config).train()
    record = read(tmp_path)
    assert record['seed'] == record['hyperparameters']['seed'] == 3


def test_the_records_of_the_best_validation_are_kept(toy: ModuleType, tmp_path: Path) -> None:
    class Writes(Hook):
        """Stands for the metric, which writes its records before this hook is called."""

        def before_val(self, runner: Any) -> None:
            (tmp_path / 'records').mkdir(exist_ok=True)
            (tmp_path / 'records' / 'val.parquet').write_text(f'iteration {runner.iter}')

    scripted = toy.ScriptedMetric([70.0, 90.0, 80.0])
    toy.build_runner(tmp_path, epochs=3, val_evaluator=[scripted], custom_hooks=[*HOOKS, Writes()]).train()
    assert (tmp_path / 'records' / 'val_best.parquet').read_text() == 'iteration 8'


def test_a_training_is_the_same_with_and_without_it(toy: ModuleType, tmp_path: Path) -> None:
    weights = []
    for number, hooks in enumerate((HOOKS, [])):
        runner = toy.build_runner(tmp_path / str(number), epochs=2, custom_hooks=hooks)
        runner.train()
        weights.append(runner.model.state_dict())
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=0)


def test_a_model_that_cannot_be_counted_trains_on(toy: ModuleType, tmp_path: Path) -> None:
    class Shy(toy.ToyModel):  # type: ignore[misc, name-defined]
        def forward(self, inputs: Any, target: Any = None, mode: str = 'tensor') -> Any:
            if mode == 'tensor':
                raise NotImplementedError
            return super().forward(inputs, target, mode=mode)

    toy.build_runner(tmp_path, epochs=1, model=Shy(), custom_hooks=HOOKS).train()
    assert read(tmp_path)['status'] == 'finished'
    assert read(tmp_path)['gflops'] is None


def test_a_record_that_cannot_be_written_does_not_stop_the_training(toy: ModuleType, tmp_path: Path) -> None:
    (tmp_path / 'run.json').mkdir()
    toy.build_runner(tmp_path, epochs=1, custom_hooks=HOOKS).train()
    assert (tmp_path / 'epoch_1.pth').exists()


def test_validation_alone_writes_nothing(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, custom_hooks=HOOKS).val()
    assert not (tmp_path / 'run.json').exists()
