from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

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
