"""The smaller hooks, and mmengine's EMAHook with our checkpoints."""

from __future__ import annotations

import io
import logging
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file


class TestChannelsLast:
    def test_the_model_and_its_average_are_converted(self, toy: ModuleType, tmp_path: Path) -> None:
        hooks = [{'type': 'mmseg_ext.ChannelsLastHook'}, {'type': 'EMAHook'}]
        toy_model = toy.ToyModel(hidden=4)
        toy_model.head = nn.Conv2d(4, 1, 3, padding=1)  # of a 1×1 kernel or one channel, both formats are the same
        runner = toy.build_runner(tmp_path, epochs=1, model=toy_model, custom_hooks=hooks)
        runner.train()
        average = next(one for one in runner.hooks if type(one).__name__ == 'EMAHook').ema_model.module
        for model in (runner.model, average):
            assert model.head.weight.is_contiguous(memory_format=torch.channels_last)


class TestInvalidLoss:
    class Spoil:
        """Makes the loss NaN from an iteration on, or only at some."""

        def __init__(self, toy: ModuleType, bad: set[int]) -> None:
            from mmengine.hooks import Hook

            class SpoilHook(Hook):
                priority = 'HIGHEST'

                def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
                    runner.model.loss_shift = float('nan') if runner.iter in bad else 0.0

            self.hook = SpoilHook()

    def train(self, toy: ModuleType, tmp_path: Path, bad: set[int]) -> Any:
        hooks = [self.Spoil(toy, bad).hook, {'type': 'mmseg_ext.InvalidLossHook', 'patience': 3}]
        quiet = {'type': 'mmseg_ext.CheckpointHook'}
        runner = toy.build_runner(tmp_path, epochs=3, custom_hooks=hooks, default_hooks={'checkpoint': quiet})
        runner.train()
        return runner

    def test_three_in_a_row_stop(self, toy: ModuleType, tmp_path: Path) -> None:
        with pytest.raises(InputError, match='nan for 3 iterations, up to iteration 6') as caught:
            self.train(toy, tmp_path, {3, 4, 5})
        assert caught.value.exit_code == 1
        assert str(tmp_path) in str(caught.value)

    def test_single_ones_do_not(self, toy: ModuleType, tmp_path: Path) -> None:
        assert self.train(toy, tmp_path, {1, 2, 4, 5, 7}).iter == 12

    @pytest.mark.parametrize('skip', [False, True])
    def test_a_step_that_would_spoil_the_weights_stops_or_is_skipped(
        self, toy: ModuleType, tmp_path: Path, skip: bool
    ) -> None:
        states: list[dict[str, Any]] = []

        class Spoil(Hook):
            priority = 'HIGHEST'

            def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
                states.append({key: value.clone() for key, value in runner.model.state_dict().items()})
                if runner.iter == 5:
                    data_batch['inputs'][0] = float('nan')
                samples = [SegDataSample(metainfo={'img_path': f'img/{runner.iter}-{row}.jpg'}) for row in 'ab']
                data_batch['data_samples'] = samples

        average = {'type': 'EMAHook', 'momentum': 0.2, 'update_buffers': True}
        hooks = [average, Spoil(), {'type': 'mmseg_ext.InvalidLossHook', 'skip_nonfinite': skip}]
        runner = toy.build_runner(tmp_path, epochs=3, custom_hooks=hooks, log_level='ERROR')
        lines: list[str] = []
        runner.logger.addFilter(lambda record: lines.append(record.getMessage()) or True)  # type: ignore[func-returns-value]
        runner.logger.setLevel('WARNING')
        images = 'the batch of 5-a.jpg, 5-b.jpg'
        if skip:
            runner.train()
            torch.testing.assert_close(states[6], states[5], rtol=0, atol=0)
            assert any(not torch.equal(states[7][key], states[6][key]) for key in states[6])
            final = load_checkpoint_file(tmp_path / 'epoch_3.pth')
            assert all(
                value.isfinite().all() for key in ('state_dict', 'ema_state_dict') for value in final[key].values()
            )
            assert any(line == f'iteration 6 is skipped: the loss is nan for {images}' for line in lines)
            return
        with pytest.raises(InputError, match=r'not finite after iteration 6') as caught:
            runner.train()
        assert f'first at iteration 6, {images}; the last sound checkpoint is epoch_1.pth' in str(caught.value)
        assert caught.value.exit_code == 1


class TestEarlyStopping:
    hook = {'type': 'mmseg_ext.EarlyStoppingHook', 'monitor': 'mDice', 'patience': 2, 'min_delta': 0.1}  # noqa: RUF012

    def test_epochs_without_improvement_stop(self, toy: ModuleType, tmp_path: Path) -> None:
        metric = toy.ScriptedMetric([1.0, 2.0, 2.05, 2.0, 9.0, 9.0])
        runner = toy.build_runner(tmp_path, epochs=6, val_evaluator=[metric], custom_hooks=[self.hook])
        runner.train()
        assert runner.epoch == 4

    def test_iterations_stop_too(self, toy: ModuleType, tmp_path: Path) -> None:
        metric = toy.ScriptedMetric([1.0, 0.5, 0.5, 9.0])
        runner = toy.build_runner(tmp_path, iters=16, val_evaluator=[metric], custom_hooks=[self.hook])
        runner.train()
        assert runner.iter == 12
        assert (tmp_path / 'iter_12.pth').is_file()

    def test_the_count_goes_on_after_resuming(self, toy: ModuleType, tmp_path: Path) -> None:
        """Scores 2, 1 and then 1, 9: with the first count forgotten, the second part would reach 9."""
        for epochs, scores in [(2, [2.0, 1.0]), (4, [1.0, 9.0])]:
            metric = toy.ScriptedMetric(scores)
            runner = toy.build_runner(tmp_path, epochs, resume=True, val_evaluator=[metric], custom_hooks=[self.hook])
            runner.train()
        assert runner.epoch == 3

    def test_the_count_of_another_metric_does_not_go_on(self, toy: ModuleType, tmp_path: Path) -> None:
        class Other(toy.ScriptedMetric):
            def compute_metrics(self, results: list[float]) -> dict[str, float]:
                return {'mIoU': self.scores.pop(0)}

        metric = toy.ScriptedMetric([86.0, 85.0])
        toy.build_runner(tmp_path, 2, val_evaluator=[metric], custom_hooks=[self.hook]).train()
        changes = {'default_hooks': {}, 'custom_hooks': [{**self.hook, 'monitor': 'mIoU'}]}
        runner = toy.build_runner(tmp_path, 4, resume=True, val_evaluator=[Other([77.0, 78.0])], **changes)
        runner.train()
        assert runner.epoch == 4

    @pytest.mark.parametrize(
        ('scores', 'settings', 'longer'),
        [
            ([2.0, 1.0, 1.0], {}, {'patience': 3}),
            ([1.0, 2.0, 3.0], {'stopping_threshold': 2.5}, {'stopping_threshold': 3.5}),
            ([1.0, 2.0, float('nan')], {}, {'check_finite': False}),
        ],
        ids=['patience', 'threshold', 'nan'],
    )
    def test_a_stopped_run_is_not_resumed(
        self, scores: list[float], settings: dict[str, Any], longer: dict[str, Any], toy: ModuleType, tmp_path: Path
    ) -> None:
        def train(epochs: int, scores: list[float], **changes: Any) -> int:
            hooks = [{**self.hook, **settings, **changes}, *toy.CURVES]
            metric = toy.ScriptedMetric(scores)
            runner = toy.build_runner(tmp_path, epochs, resume=True, val_evaluator=[metric], custom_hooks=hooks)
            runner.train()
            return runner.epoch

        def checkpoints() -> dict[str, bytes]:
            return {path.name: path.read_bytes() for path in tmp_path.glob('*.pth')}

        assert train(5, [*scores, 9.0]) == 3
        before = checkpoints()
        with pytest.raises(InputError, match=r'stopped early after 12 iterations, by its mDice: nothing left to train'):
            train(5, [9.0, 9.0])
        assert before == checkpoints()
        assert train(5, [3.2, 3.4], **longer) == 5

    def test_a_stopped_run_may_become_longer(self, toy: ModuleType, tmp_path: Path) -> None:
        for epochs, scores, reached in [(4, [2.0, 1.0, 1.0], 3), (5, [9.0, 9.0], 5)]:
            metric = toy.ScriptedMetric(scores)
            runner = toy.build_runner(tmp_path, epochs, resume=True, val_evaluator=[metric], custom_hooks=[self.hook])
            runner.train()
            assert runner.epoch == reached

    def test_an_unknown_metric_is_named(self, toy: ModuleType, tmp_path: Path) -> None:
        hook = {'type': 'mmseg_ext.EarlyStoppingHook', 'monitor': 'Dice/cow'}
        with pytest.raises(InputError, match="monitor='Dice/cow': validation gave mDice"):
            toy.build_runner(tmp_path, custom_hooks=[hook]).train()


class TestEMA:
    """mmengine's own hook: nothing had to be added for it."""

    hooks = [{'type': 'EMAHook', 'momentum': 0.2, 'update_buffers': True}]  # noqa: RUF012

    def test_the_saved_weights_are_those_that_were_validated(self, toy: ModuleType, tmp_path: Path) -> None:
        runner = toy.build_runner(tmp_path, epochs=3, custom_hooks=self.hooks)
        runner.train()
        score = runner.message_hub.get_scalar('val/mDice').current()
        validator = toy.build_runner(tmp_path / 'val', load_from=str(tmp_path / 'epoch_3.pth'))
        assert validator.val()['mDice'] == pytest.approx(score, rel=1e-2)  # the images are noisy

        clean = toy.build_runner(tmp_path / 'plain', epochs=3)
        clean.train()
        averaged = load_checkpoint_file(tmp_path / 'epoch_3.pth')
        raw = load_checkpoint_file(tmp_path / 'plain' / 'epoch_3.pth')['state_dict']
        torch.testing.assert_close(averaged['ema_state_dict']['module.head.weight'], raw['head.weight'])
        assert not torch.equal(averaged['state_dict']['head.weight'], raw['head.weight'])

    @pytest.mark.parametrize(('interval', 'steps'), [(1, (4, 5, 6, 7)), (2, (4, 6))])
    def test_stochastic_weight_averaging_is_the_mean_of_the_last_steps(
        self, interval: int, steps: tuple[int, ...], toy: ModuleType, tmp_path: Path
    ) -> None:
        from mmengine.hooks import Hook

        states: list[dict[str, torch.Tensor]] = []

        class Watch(Hook):
            def after_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
                state = runner.model.state_dict()
                states.append({key: value.clone() for key, value in state.items() if value.is_floating_point()})

        swa = {'type': 'EMAHook', 'ema_type': 'StochasticWeightAverage', 'begin_iter': 5, 'update_buffers': True}
        toy.build_runner(tmp_path, iters=8, custom_hooks=[{**swa, 'interval': interval}, Watch()]).train()
        early, late = (load_checkpoint_file(tmp_path / f'iter_{step}.pth')['state_dict'] for step in (4, 8))
        assert len(states) == 8
        for key, last in states[-1].items():
            mean = torch.stack([states[step][key] for step in steps]).mean(dim=0)
            assert not torch.allclose(mean, last)
            torch.testing.assert_close(late[key], mean, rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(early[key], states[3][key])  # nothing is averaged yet

    @pytest.mark.parametrize(
        'kind',
        [
            {'ema_type': 'ExponentialMovingAverage', 'momentum': 0.2},
            {'ema_type': 'MomentumAnnealingEMA', 'momentum': 0.2},
            {'ema_type': 'mmseg_ext.MomentumAnnealingEMA', 'momentum': 0.2},
            {'ema_type': 'StochasticWeightAverage', 'begin_iter': 3},
        ],
        ids=lambda kind: kind['ema_type'],
    )
    def test_the_average_goes_on_after_resuming(self, kind: dict[str, Any], toy: ModuleType, tmp_path: Path) -> None:
        hooks = [{'type': 'EMAHook', **kind}]
        toy.build_runner(tmp_path / 'whole', epochs=4, custom_hooks=hooks).train()
        toy.build_runner(tmp_path / 'parts', epochs=2, custom_hooks=hooks).train()
        toy.build_runner(tmp_path / 'parts', epochs=4, custom_hooks=hooks, resume=True).train()
        whole, parts = (load_checkpoint_file(tmp_path / name / 'epoch_4.pth') for name in ('whole', 'parts'))
        for key in ('state_dict', 'ema_state_dict'):
            torch.testing.assert_close(dict(parts[key]), dict(whole[key]), rtol=0, atol=0)

    def test_without_the_hook_a_resumed_run_goes_on_from_its_own_weights(
        self, toy: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture
    ) -> None:
        toy.build_runner(tmp_path / 'plain', epochs=2).train()
        toy.build_runner(tmp_path / 'averaged', epochs=1, custom_hooks=self.hooks).train()
        toy.build_runner(tmp_path / 'averaged', epochs=2, resume=True).train()
        plain, rest = (load_checkpoint_file(tmp_path / name / 'epoch_2.pth') for name in ('plain', 'averaged'))
        torch.testing.assert_close(dict(rest['state_dict']), dict(plain['state_dict']), rtol=0, atol=0)
        shown = capsys.readouterr()
        assert (shown.out + shown.err).count('the run continues without averages of its weights') == 1


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class TestProgress:
    def train(self, toy: ModuleType, tmp_path: Path, **changes: Any) -> Any:
        hooks = [{'type': 'mmseg_ext.ProgressHook'}, toy.SleepHook(0.02)]
        runner = toy.build_runner(tmp_path, 3, custom_hooks=hooks, log_level='INFO', **changes)
        runner.train()
        return runner

    def test_a_terminal_shows_one_line_below_the_log(
        self, toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = Screen()
        for name, value in {'TERM': 'xterm', 'COLUMNS': '160'}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, 'stderr', screen)
        monkeypatch.setattr(sys, 'stdout', screen)
        runner = self.train(toy, tmp_path)
        text = screen.getvalue()
        assert '12/12' in text
        assert re.search(r'loss \d+\.\d{4}  lr \d\.\d\de-03  best mDice -\d+\.\d\d', text)
        assert '\x1b[2K' in text  # the line is erased, a line of the log stands in its place, and it is drawn below
        assert re.search(r'\x1b\[2K\S+ \S+ - mmengine - INFO - Saving checkpoint at 3 epochs\ntrain', text)
        assert text.rindex('\x1b[?25h') > text.rindex('\x1b[?25l')  # the cursor is shown again
        assert [one.stream for one in runner.logger.handlers if type(one) is logging.StreamHandler] == [screen]

    def test_an_error_gives_the_terminal_back(
        self, toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        screen = Screen()
        monkeypatch.setenv('TERM', 'xterm')
        monkeypatch.setattr(sys, 'stderr', screen)
        with pytest.raises(IndexError):
            self.train(toy, tmp_path, val_evaluator=[toy.ScriptedMetric([1.0])])
        assert sys.stderr is screen
        assert screen.getvalue().rindex('\x1b[?25h') > screen.getvalue().rindex('\x1b[?25l')

    def test_a_pipe_shows_nothing(self, toy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pipe = io.StringIO()
        monkeypatch.setattr(sys, 'stderr', pipe)
        self.train(toy, tmp_path)
        assert pipe.getvalue() == ''
