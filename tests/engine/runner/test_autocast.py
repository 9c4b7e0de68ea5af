from __future__ import annotations

import copy
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmseg_ext.engine import AutocastOptimWrapper
from mmseg_ext.engine.runner import autocast
from mmseg_ext.engine.runner.autocast import cpu_gains_from_bfloat16
from mmseg_ext.errors import InputError

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')


def wrap(model: nn.Module, **options: Any) -> AutocastOptimWrapper:
    return AutocastOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9), **options)


@pytest.fixture(autouse=True)
def _a_cpu_with_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autocast, 'cpu_gains_from_bfloat16', lambda: True)


def test_float32_is_used_where_bfloat16_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autocast, 'cpu_gains_from_bfloat16', lambda: False)
    said: list[str] = []
    monkeypatch.setattr(autocast, 'print_log', lambda text, *_: said.append(text))
    autocast._say_float32.cache_clear()
    model = nn.Linear(2, 1)
    for _ in range(2):
        with wrap(model).optim_context(model):
            assert model(torch.ones(1, 2)).dtype is torch.float32
    assert len(said) == 1
    assert 'no faster in bfloat16' in said[0]


def test_what_the_processor_has_is_read_from_its_flags() -> None:
    """An independent reading: what Linux says of the processor."""
    try:
        flags = Path('/proc/cpuinfo').read_text(encoding='utf-8').split()
    except OSError:
        pytest.skip('needs Linux')
    slow = 'avx512_fp16' in flags and 'amx_tile' not in flags
    assert cpu_gains_from_bfloat16() == (bool({'avx512_bf16', 'amx_tile', 'bf16'} & set(flags)) and not slow)


def test_the_forward_pass_is_in_bfloat16_and_the_weights_stay_float32() -> None:
    model = nn.Linear(2, 1)
    wrapper = wrap(model)
    with wrapper.optim_context(model):
        output = model(torch.ones(1, 2))
    assert output.dtype is torch.bfloat16
    assert model(torch.ones(1, 2)).dtype is torch.float32
    wrapper.update_params(output.float().sum())
    assert model.weight.dtype is torch.float32


def test_a_step_by_hand() -> None:
    """Loss w·x with x = (3, 4), lr 0.5: the gradient (3, 4) clipped to length 1 is (0.6, 0.8)."""
    model = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1)
    wrapper = wrap(model, clip_grad={'max_norm': 1.0})
    with wrapper.optim_context(model):
        loss = model(torch.tensor([[3.0, 4.0]])).sum()
    wrapper.update_params(loss)
    torch.testing.assert_close(model.weight.detach(), torch.tensor([[0.7, 0.6]]), rtol=0, atol=1e-6)


def test_accumulated_steps_equal_one_on_the_whole_batch() -> None:
    batch = torch.tensor([[1.0, 2.0], [4.0, 8.0]])
    whole = nn.Linear(2, 1)
    parts = copy.deepcopy(whole)
    one, two = wrap(whole), wrap(parts, accumulative_counts=2)
    with one.optim_context(whole):
        loss = whole(batch).mean()
    one.update_params(loss)
    start = parts.weight.detach().clone()
    for number, row in enumerate(batch):
        with two.optim_context(parts):
            loss = parts(row).mean()
        two.update_params(loss)
        assert torch.equal(parts.weight, start) == (number == 0)
    torch.testing.assert_close(parts.weight, whole.weight, rtol=0, atol=1e-6)


def test_its_state_comes_back_and_fits_a_plain_wrapper() -> None:
    from mmengine.optim import OptimWrapper

    model = nn.Linear(2, 1)
    wrapper = wrap(model)
    wrapper.update_params(model(torch.ones(1, 2)).sum())
    state = wrapper.state_dict()
    assert state['loss_scaler'] == {}  # bfloat16 is not scaled
    for other in (wrap(model), OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9))):
        plain = {key: value for key, value in state.items() if key != 'loss_scaler'}
        other.load_state_dict(copy.deepcopy(state if isinstance(other, AutocastOptimWrapper) else plain))
        assert other.optimizer.param_groups[0]['lr'] == 0.5
        momentum = other.optimizer.state[model.weight]['momentum_buffer']
        assert torch.equal(momentum, torch.ones(1, 2))
    wrap(model).load_state_dict(OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)).state_dict())


@pytest.mark.skipif(torch.cuda.is_available(), reason='float16 is refused only where there is no GPU')
def test_float16_is_refused_on_the_cpu() -> None:
    with pytest.raises(InputError, match='needs a GPU'):
        wrap(nn.Linear(1, 1), dtype='float16')


def test_an_unknown_dtype_is_named() -> None:
    with pytest.raises(InputError, match='float8'):
        wrap(nn.Linear(1, 1), dtype='float8')


@needs_gpu
def test_float16_is_scaled_on_a_gpu() -> None:
    model = nn.Linear(2, 1).cuda()
    wrapper = wrap(model, dtype='float16', loss_scale=1024.0)
    with wrapper.optim_context(model):
        output = model(torch.ones(1, 2, device='cuda'))
    assert output.dtype is torch.float16
    before = model.weight.detach().clone()
    wrapper.update_params(output.float().sum())
    torch.testing.assert_close(model.weight.detach(), before - 0.5)
    assert wrapper.state_dict()['loss_scaler']['scale'] == 1024.0


def test_a_training_runs_in_bfloat16(toy: ModuleType, tmp_path: Path) -> None:
    optimizer = {'type': 'SGD', 'lr': 0.01}
    runner = toy.build_runner(
        tmp_path, epochs=1, optim_wrapper={'type': 'mmseg_ext.AutocastOptimWrapper', 'optimizer': optimizer}
    )
    runner.train()
    assert runner.model.dtypes == {torch.bfloat16, torch.float32}  # training, and validation in float32
    toy.build_runner(
        tmp_path,
        epochs=2,
        resume=True,
        optim_wrapper={'type': 'mmseg_ext.AutocastOptimWrapper', 'optimizer': optimizer},
    ).train()


class TestMergedGroups:
    """A group for each parameter, as mmengine's ``paramwise_cfg`` makes them: two rates, two decays."""

    RATES = (0.1, 0.1, 0.02, 0.02)
    DECAYS = (0.5, 0.0, 0.5, 0.5)

    def optimizer(self, model: nn.Module, fused: bool = False) -> torch.optim.Optimizer:
        groups = [
            {'params': [parameter], 'lr': rate, 'weight_decay': decay}
            for parameter, rate, decay in zip(model.parameters(), self.RATES, self.DECAYS, strict=True)
        ]
        return torch.optim.AdamW(groups, fused=fused)

    def train(self, model: nn.Module, wrapper: OptimWrapper, steps: range) -> list[torch.Tensor]:
        for step in steps:
            for group in wrapper.optimizer.param_groups:
                group['lr'] = group['initial_lr'] / (1 + step)
            images = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            with wrapper.optim_context(model):
                loss = model(images).square().mean()
            wrapper.update_params(loss)
        return [parameter.detach().clone() for parameter in model.parameters()]

    def start(self, wrapper: OptimWrapper) -> OptimWrapper:
        for group in wrapper.optimizer.param_groups:
            group.setdefault('initial_lr', group['lr'])
        return wrapper

    @pytest.mark.parametrize('fused', [False, True])
    def test_equal_groups_become_one_and_train_as_before(self, fused: bool) -> None:
        torch.manual_seed(0)
        separate = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
        merged = copy.deepcopy(separate)
        one = self.start(OptimWrapper(self.optimizer(separate)))
        two = self.start(AutocastOptimWrapper(dtype=None, optimizer=self.optimizer(merged, fused)))
        assert [len(group['params']) for group in two.optimizer.param_groups] == [1, 1, 2]
        assert [group['lr'] for group in two.optimizer.param_groups] == [0.1, 0.1, 0.02]
        for expected, found in zip(self.train(separate, one, range(5)), self.train(merged, two, range(5)), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)

    def test_the_state_of_separate_groups_is_taken_over(self) -> None:
        torch.manual_seed(0)
        whole = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
        parts = copy.deepcopy(whole)
        expected = self.train(whole, self.start(OptimWrapper(self.optimizer(whole))), range(6))
        first = self.start(OptimWrapper(self.optimizer(parts)))
        self.train(parts, first, range(3))
        second = self.start(AutocastOptimWrapper(dtype=None, optimizer=self.optimizer(parts)))
        second.load_state_dict(first.state_dict())
        third = self.start(AutocastOptimWrapper(dtype=None, optimizer=self.optimizer(parts)))
        third.load_state_dict(second.state_dict())  # and its own
        for found, value in zip(self.train(parts, third, range(3, 6)), expected, strict=True):
            torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-7)

    def test_a_rate_that_is_a_tensor_stays_on_its_own(self) -> None:
        model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
        rates = [torch.tensor(0.1), torch.tensor(0.1)]
        groups = [{'params': part.parameters(), 'lr': rate} for part, rate in zip(model, rates, strict=True)]
        wrapper = AutocastOptimWrapper(dtype=None, optimizer=torch.optim.AdamW(groups, capturable=False, foreach=False))
        assert [group['lr'] is rate for group, rate in zip(wrapper.optimizer.param_groups, rates, strict=True)] == [
            True,
            True,
        ]
