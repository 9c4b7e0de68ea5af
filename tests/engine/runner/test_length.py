from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmseg_ext.errors import InputError

WARM_UP = {'type': 'LinearLR', 'start_factor': 0.1, 'begin': 0, 'end': 3, 'by_epoch': False}


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


def test_an_optimizer_that_the_config_changes_in_vain_is_named(
    toy: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    toy.build_runner(tmp_path, iters=4).train()
    wrapper = {'type': 'OptimWrapper', 'optimizer': {'type': 'AdamW', 'lr': 0.02, 'weight_decay': 0.01}}
    toy.build_runner(tmp_path, iters=8, optim_wrapper=wrapper, resume=True).train()
    shown = capsys.readouterr()
    assert 'optimizer: lr is 0.01 in the checkpoint, 0.02 in the config' in shown.out + shown.err
    assert 'weight_decay' not in shown.out + shown.err


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
