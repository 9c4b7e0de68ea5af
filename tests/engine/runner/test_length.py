from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from mmseg_ext.errors import InputError

WARM_UP = {'type': 'LinearLR', 'start_factor': 0.1, 'begin': 0, 'end': 3, 'by_epoch': False}
POLY = {'type': 'PolyLR', 'power': 1.0, 'begin': 0, 'end': 16, 'by_epoch': False}
STEPS = {'type': 'MultiStepLR', 'milestones': [6, 10], 'gamma': 0.1, 'by_epoch': False}
MOMENTUM = {'type': 'LinearMomentum', 'start_factor': 0.5, 'begin': 0, 'end': 10, 'by_epoch': False}


def schedule(end: int) -> list[dict[str, Any]]:
    return [WARM_UP, {'type': 'PolyLR', 'power': 0.9, 'eta_min': 1e-5, 'begin': 3, 'end': end, 'by_epoch': False}]


def rates(runner: Any) -> list[float]:
    return runner.message_hub.get_scalar('train/lr').data[0].tolist()


def test_a_resumed_run_follows_a_longer_schedule(toy: ModuleType, tmp_path: Path) -> None:
    whole = toy.build_runner(tmp_path / 'whole', iters=12, param_scheduler=schedule(12))
    whole.train()
    toy.build_runner(tmp_path / 'parts', iters=8, param_scheduler=schedule(8)).train()
    longer = toy.build_runner(tmp_path / 'parts', iters=12, param_scheduler=schedule(12), resume=True)
    longer.train()
    assert rates(longer)[8:] == pytest.approx(rates(whole)[8:], rel=1e-12)
    assert rates(longer)[:8] != pytest.approx(rates(whole)[:8], rel=1e-3)  # the shorter schedule fell faster


@pytest.mark.parametrize(
    ('before', 'after'),
    [
        ([WARM_UP], [WARM_UP, STEPS]),
        ([WARM_UP, POLY], [WARM_UP]),
        (None, [POLY]),
        ([POLY], None),
        ([POLY, MOMENTUM], [MOMENTUM]),
        ([MOMENTUM], None),
        ([STEPS, MOMENTUM], [STEPS, MOMENTUM]),
    ],
    ids=['added', 'removed', 'first', 'none', 'momentum left', 'momentum removed', 'same'],
)
def test_a_resumed_run_follows_other_schedules(
    before: list[dict[str, Any]] | None, after: list[dict[str, Any]] | None, toy: ModuleType, tmp_path: Path
) -> None:
    values: dict[bool, list[tuple[float, float]]] = {True: [], False: []}

    class Watch(Hook):
        def before_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
            (group,) = runner.optim_wrapper.param_groups
            values[resume].append((group['lr'], group['betas'][0]))

    toy.build_runner(tmp_path / 'parts', iters=8, param_scheduler=before).train()
    for resume, folder in ((False, 'whole'), (True, 'parts')):
        hooks = {'param_scheduler': after, 'custom_hooks': [Watch()], 'log_level': 'ERROR'}
        toy.build_runner(tmp_path / folder, iters=12, resume=resume, **hooks).train()
    assert len(values[True]) == 4
    np.testing.assert_allclose(values[True], values[False][8:], rtol=1e-12)
    toy.build_runner(tmp_path / 'parts', iters=16, param_scheduler=after, resume=True, log_level='ERROR').train()


def test_epochs_that_become_iterations_follow_too(toy: ModuleType, tmp_path: Path) -> None:
    def poly(end: int) -> list[dict[str, Any]]:
        return [{'type': 'PolyLR', 'begin': 0, 'end': end, 'by_epoch': True, 'convert_to_iter_based': True}]

    whole = toy.build_runner(tmp_path / 'whole', epochs=3, param_scheduler=poly(3))
    whole.train()
    toy.build_runner(tmp_path / 'parts', epochs=2, param_scheduler=poly(2)).train()
    config = {'param_scheduler': poly(2)}
    with pytest.raises(InputError, match=r'max_iters=12.*planned for 8.*param_scheduler\.0\.end=3'):
        toy.build_runner(tmp_path / 'parts', epochs=3, **config, cfg=config, resume=True).train()
    longer = toy.build_runner(tmp_path / 'parts', epochs=3, param_scheduler=poly(3), resume=True)
    longer.train()
    assert rates(longer)[8:] == pytest.approx(rates(whole)[8:], rel=1e-12)


@pytest.mark.parametrize('schedules', [None, [POLY, MOMENTUM]], ids=['constant', 'scheduled'])
def test_another_optimizer_is_refused_before_anything_is_written(
    schedules: list[dict[str, Any]] | None, toy: ModuleType, tmp_path: Path
) -> None:
    def train(iters: int, resume: bool = True, **optimizer: Any) -> None:
        wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 0.01, **optimizer}}
        config = {'optim_wrapper': wrapper, 'cfg': Config({'optim_wrapper': wrapper}, '\n', 'toy.py')}
        toy.build_runner(tmp_path, iters=iters, param_scheduler=schedules, resume=resume, **config).train()

    train(4, resume=False)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for change, found in [
        ({'lr': 0.5}, 'lr is 0.01 in the run that is resumed, 0.5 in the config; restore it'),
        ({'betas': (0.8, 0.99)}, r'betas is \(0.9, 0.999\) in the run'),
        ({'weight_decay': 0.1}, 'weight_decay is 0.01 in the run'),
        ({'type': 'SGD', 'momentum': 0.9}, 'the optimizer has no dampening in the run'),
    ]:
        with pytest.raises(InputError, match=f'^config: optim_wrapper: {found}'):
            train(8, **change)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    train(8, betas=[0.9, 0.999], foreach=False)
    assert (tmp_path / 'toy.py').read_bytes() != before['toy.py']


@pytest.mark.parametrize('length', [{'iters': 0}, {'iters': -4}, {'epochs': 0}])
def test_a_training_of_no_step_is_refused(toy: ModuleType, tmp_path: Path, length: dict[str, int]) -> None:
    with pytest.raises(InputError, match='nothing to train'):
        toy.build_runner(tmp_path, **length).train()


def test_fewer_images_than_a_batch(toy: ModuleType, tmp_path: Path) -> None:
    def loader(sampler: str) -> dict[str, Any]:
        parts = {'dataset': toy.ToyData(), 'collate_fn': {'type': 'default_collate'}, 'drop_last': True}
        return {'batch_size': 16, 'num_workers': 0, 'persistent_workers': True, 'sampler': {'type': sampler}, **parts}

    with pytest.raises(InputError, match=r'8 images do not fill a batch of 16.*train_dataloader\.batch_size=8'):
        toy.build_runner(tmp_path / 'epochs', train_dataloader=loader('DefaultSampler')).train()
    hooks = [{'type': 'mmseg_ext.ScalarsHook'}]
    runner = toy.build_runner(
        tmp_path / 'endless', iters=4, train_dataloader=loader('InfiniteSampler'), custom_hooks=hooks
    )
    runner.train()
    assert len(runner.train_dataloader.dataset.seen) == 4 * 16


def test_a_finished_run_is_not_resumed(toy: ModuleType, tmp_path: Path) -> None:
    hooks = [{'type': 'mmseg_ext.StartChecksHook'}]
    toy.build_runner(tmp_path, iters=4, custom_hooks=hooks).train()
    for iters in (4, 3):
        with pytest.raises(InputError, match='trained for 4 iterations'):
            toy.build_runner(tmp_path, iters=iters, resume=True, custom_hooks=hooks).train()


def test_a_schedule_by_scores_may_not_change(toy: ModuleType, tmp_path: Path) -> None:
    def plateau(factor: float) -> list[dict[str, Any]]:
        return [{'type': 'ReduceOnPlateauLR', 'monitor': 'mDice', 'rule': 'greater', 'factor': factor}]

    toy.build_runner(tmp_path, epochs=2, param_scheduler=plateau(0.5)).train()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    (tmp_path / 'epoch_2.pth').unlink()
    with pytest.raises(InputError, match='param_scheduler: differs from the run that is resumed; restore it'):
        toy.build_runner(tmp_path, epochs=2, param_scheduler=plateau(0.1), resume=True).train()
    toy.build_runner(tmp_path, epochs=2, param_scheduler=plateau(0.5), resume=True).train()
    assert (tmp_path / 'epoch_2.pth').is_file()
