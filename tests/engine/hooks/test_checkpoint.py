from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook

from mmseg_ext.engine.hooks.checkpoint import CheckpointHook
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file


def hook(**changes: Any) -> dict[str, Any]:
    return {'checkpoint': {'type': 'mmseg_ext.CheckpointHook', 'interval': 1, 'max_keep_ckpts': 2, **changes}}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob('*.pth')}


def test_the_last_two_and_the_best_are_kept(toy: ModuleType, tmp_path: Path) -> None:
    scores = [1.0, 3.0, float('nan'), 2.0, 3.0]
    evaluator = [toy.ScriptedMetric(scores)]
    runner = toy.build_runner(tmp_path, epochs=5, val_evaluator=evaluator, default_hooks=hook(save_best='mDice'))
    runner.train()
    assert names(tmp_path) == {'epoch_4.pth', 'epoch_5.pth', 'best_mDice_epoch_2.pth'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_5.pth')
    assert runner.message_hub.get_info('best_score') == 3.0
    assert 'optimizer' not in load_checkpoint_file(tmp_path / 'best_mDice_epoch_2.pth')


def test_a_metric_of_one_class_can_be_the_best(toy: ModuleType, tmp_path: Path) -> None:
    hooks = hook(save_best=['Dice/cat', 'mDice'])
    runner = toy.build_runner(tmp_path, epochs=3, default_hooks=hooks)
    runner.train()
    best = {name for name in names(tmp_path) if name.startswith('best')}
    assert len(best) == 2
    for metric in ('Dice/cat', 'mDice'):
        path = Path(runner.message_hub.get_info(f'best_ckpt_{metric}'))
        assert path.name in best
        scores = runner.message_hub.get_scalar(f'val/{metric}').data[0]
        assert path.name == f'best_{metric.replace("/", "_")}_epoch_{scores.argmax() + 1}.pth'


def test_the_best_score_survives_resuming(toy: ModuleType, tmp_path: Path) -> None:
    for scores, epochs in [([2.0, 1.0], 2), ([1.5, 2.5], 4)]:
        toy.build_runner(
            tmp_path,
            epochs=epochs,
            resume=True,
            val_evaluator=[toy.ScriptedMetric(scores)],
            default_hooks=hook(save_best='mDice'),
        ).train()
        expected = {'epoch_1.pth', 'epoch_2.pth', 'best_mDice_epoch_1.pth'} if epochs == 2 else None
        assert expected is None or names(tmp_path) == expected
    assert names(tmp_path) == {'epoch_3.pth', 'epoch_4.pth', 'best_mDice_epoch_4.pth'}


@pytest.mark.parametrize(
    ('before', 'after', 'kept'),
    [
        ('mDice', 'mIoU', {'best_mDice_epoch_2.pth', 'best_mIoU_epoch_4.pth'}),
        (['mDice', 'mIoU'], 'mIoU', {'best_mDice_epoch_2.pth', 'best_mIoU_epoch_1.pth'}),
        ('mIoU', ['mDice', 'mIoU'], {'best_mDice_epoch_3.pth', 'best_mIoU_epoch_1.pth'}),
        ('mDice', 'auto', {'best_mDice_epoch_2.pth', 'best_mIoU_epoch_4.pth'}),
        ('mIoU', 'auto', {'best_mIoU_epoch_1.pth'}),
    ],
)
def test_the_best_score_is_that_of_the_same_metric(
    before: Any, after: Any, kept: set[str], toy: ModuleType, tmp_path: Path
) -> None:
    class Two(toy.ScriptedMetric):
        def compute_metrics(self, results: list[float]) -> dict[str, float]:
            return dict(zip(('mIoU', 'mDice'), self.scores.pop(0), strict=True))

    for metric, scores in [(before, [(77.0, 85.0), (74.0, 88.0)]), (after, [(75.0, 87.0), (76.0, 86.0)])]:
        hooks = {'val_evaluator': [Two(scores)], 'default_hooks': hook(save_best=metric)}
        toy.build_runner(tmp_path, epochs=2 if metric is before else 4, resume=metric is after, **hooks).train()
    assert {name for name in names(tmp_path) if name.startswith('best')} == kept


def test_at_every_write_a_complete_last_and_best_stand_on_the_disk(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill at the start of each write would leave behind."""
    from mmseg_ext.engine.runner import runner as module

    states: list[set[str]] = []
    real = module.save_checkpoint_file

    def save(checkpoint: Any, path: Path) -> None:
        states.append(names(tmp_path))
        real(checkpoint, path)

    monkeypatch.setattr(module, 'save_checkpoint_file', save)
    hooks = hook(save_best='mDice', max_keep_ckpts=1)
    scores = [1.0, 2.0, 3.0]
    toy.build_runner(tmp_path, 3, val_evaluator=[toy.ScriptedMetric(scores)], default_hooks=hooks).train()
    assert len(states) == 9  # an epoch: last, best, last again with the best score
    assert all(any(name.startswith('epoch') for name in state) for state in states[1:])
    assert all(any(name.startswith('best') for name in state) for state in states[2:])


def test_a_failed_save_keeps_the_previous_files(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmseg_ext.engine.runner import runner as module

    toy.build_runner(tmp_path, epochs=1, default_hooks=hook(save_best='mDice')).train()
    before = names(tmp_path)

    def fail(checkpoint: Any, path: Path) -> None:
        raise InputError(f'{path}: cannot be written (No space left on device)')

    monkeypatch.setattr(module, 'save_checkpoint_file', fail)
    runner = toy.build_runner(tmp_path, epochs=2, resume=True, default_hooks=hook(save_best='mDice', max_keep_ckpts=1))
    with pytest.raises(InputError, match='No space left'):
        runner.train()
    assert names(tmp_path) == before
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_1.pth')


def test_an_unknown_metric_is_named(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path, default_hooks=hook(save_best='Dice/cow'))
    with pytest.raises(InputError, match="save_best='Dice/cow': validation gave mDice, Dice/cat"):
        runner.train()


def test_training_that_stops_early_saves_its_last_state(toy: ModuleType, tmp_path: Path) -> None:
    stop = {'type': 'mmseg_ext.EarlyStoppingHook', 'monitor': 'mDice', 'patience': 1, 'min_delta': 0.5}
    runner = toy.build_runner(
        tmp_path,
        epochs=9,
        val_evaluator=[toy.ScriptedMetric([1.0] * 9)],
        default_hooks=hook(interval=5),
        custom_hooks=[stop],
    )
    runner.train()
    assert runner.epoch == 2
    assert names(tmp_path) == {'epoch_2.pth'}
    assert load_checkpoint_file(tmp_path / 'epoch_2.pth')['meta']['epoch'] == 2


def test_nothing_is_saved_while_loss_or_weights_are_not_finite(toy: ModuleType, tmp_path: Path) -> None:
    class Spoil(Hook):
        def after_train_epoch(self, runner: Any) -> None:
            runner.model.loss_shift = float('nan') if runner.epoch == 1 else 0.0  # its gradients stay finite
            if runner.epoch == 3:
                runner.model.head.weight.data[:] = float('inf')

    evaluator = [toy.ScriptedMetric([1.0, 2.0, 3.0, 4.0, 5.0])]
    hooks = {'default_hooks': hook(save_best='mDice'), 'custom_hooks': [Spoil()], 'log_level': 'ERROR'}
    toy.build_runner(tmp_path, epochs=5, val_evaluator=evaluator, **hooks).train()
    # the third epoch has no finite loss, the fourth and fifth no finite weights
    assert names(tmp_path) == {'epoch_1.pth', 'epoch_2.pth', 'best_mDice_epoch_2.pth'}
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / 'epoch_2.pth')


def test_a_checkpoint_that_is_not_finite_is_not_resumed_from(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.build_runner(tmp_path, epochs=2).train()
    state = load_checkpoint_file(tmp_path / 'epoch_2.pth')
    state['state_dict']['head.bias'][:] = float('nan')
    torch.save(state, tmp_path / 'epoch_2.pth')
    runner = toy.build_runner(tmp_path, epochs=2, resume=True)
    warnings: list[str] = []
    monkeypatch.setattr(runner.logger, 'warning', warnings.append)
    runner.train()
    assert 'epoch_2.pth: head.bias is not finite; trying the checkpoint before it' in warnings[0]
    assert len(runner.train_dataloader.dataset.seen) == 8


@pytest.mark.parametrize('name', ['out_dir', 'filename_tmpl', 'published_keys'])
def test_what_a_resumed_run_would_not_find_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf'^CheckpointHook: `{name}:`: .*resume the run; leave it out'):
        CheckpointHook(**{name: 'x_{}.pth'})
    CheckpointHook(**{name: None})
