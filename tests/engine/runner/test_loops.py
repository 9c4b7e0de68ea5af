from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from mmseg_ext.engine.runner import loops
from mmseg_ext.errors import InputError


@pytest.mark.parametrize(('dtype', 'expected'), [('bfloat16', torch.bfloat16), (None, torch.float32)])
def test_validation_and_test_run_in_the_chosen_dtype(
    dtype: str | None, expected: torch.dtype, toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('mmseg_ext.engine.runner.autocast.cpu_gains_from_bfloat16', lambda: True)
    runner = toy.build_runner(tmp_path, val_cfg={'type': 'mmseg_ext.ValLoop', 'dtype': dtype})
    metrics = runner.val()
    assert runner.model.dtypes == {expected}
    assert set(metrics) == {'mDice', 'Dice/cat', 'nothing'}

    tester = toy.build_runner(
        tmp_path,
        test_cfg={'type': 'mmseg_ext.TestLoop', 'dtype': dtype},
        test_dataloader=runner.val_dataloader,
        test_evaluator=[toy.ToyMetric()],
    )
    assert tester.test() == pytest.approx(metrics, nan_ok=True)
    assert tester.model.dtypes == {expected}


def test_the_metrics_are_those_of_mmengines_loop(toy: ModuleType, tmp_path: Path) -> None:
    expected = toy.build_runner(tmp_path, val_cfg={}).val()
    toy.build_runner(tmp_path).val()
    assert toy.build_runner(tmp_path).val() == pytest.approx(expected, nan_ok=True)


def test_float16_is_refused_on_the_cpu(toy: ModuleType, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip('the model is on the GPU')
    with pytest.raises(InputError, match='needs a GPU'):
        toy.build_runner(tmp_path, val_cfg={'type': 'mmseg_ext.ValLoop', 'dtype': 'float16'}).val()


@pytest.mark.parametrize(('kind', 'key'), [('ValLoop', 'val_cfg'), ('TestLoop', 'test_cfg')])
def test_fp16_is_refused(kind: str, key: str) -> None:
    with pytest.raises(InputError, match=rf"^{key}: `fp16=True`: is not used here; use `dtype='float16'`$"):
        getattr(loops, kind)(fp16=True, runner=None, dataloader=[], evaluator=[])


def test_processes_ask_for_signals_after_the_batches_that_all_have(
    toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps and four batches of validation here, two batches in another process."""
    asked: list[bool] = []
    monkeypatch.setattr(loops, 'all_reduce', lambda count, op: count.fill_({'min': 2}[op]))
    runner = toy.build_runner(tmp_path, epochs=1)

    def stop_requested() -> int:
        asked.append(runner.model.training)
        return 0

    monkeypatch.setattr(runner, 'stop_requested', stop_requested)
    runner.train()
    assert asked == [True] * 4 + [False] * 2
