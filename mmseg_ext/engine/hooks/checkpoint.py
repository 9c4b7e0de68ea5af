"""Hook that saves checkpoints and deletes an old one only after the new one is on disk."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmseg_ext.engine.checkpoints.soundness import last_sound, why_unsound
from mmseg_ext.engine.mmengine_internals import OpenCheckpointHook
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_text
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.layout import INTERRUPTED_CHECKPOINT, LAST_CHECKPOINT

NOT_RESUMED = {
    'out_dir': 'leave it out, and choose the `work_dir`',
    'filename_tmpl': 'leave it out',
    'published_keys': 'leave it out, and export the model afterwards',
}


@HOOKS.register_module()
class CheckpointHook(OpenCheckpointHook):
    """mmengine's ``CheckpointHook``, but the last and best checkpoints survive a kill at any time.

    mmengine deletes the previous best and the outdated last checkpoint before it writes the new one. Here the order is:
    write, record, delete. Also, a metric of one class (``save_best='Dice/cat'``) needs no ``rule``; a metric that does
    not exist is named in an `InputError`; training that stops early saves its last state; nothing is saved while loss
    or weights are not finite.

    Args:
        **kwargs: As for mmengine's hook, without remote storage. Also without ``out_dir``, ``filename_tmpl`` and
            ``published_keys``, whose files a resumed run would not find or would take for its own.

    Raises:
        InputError: One of these is given.
    """

    def __init__(self, **kwargs: Any) -> None:
        for name, remedy in NOT_RESUMED.items():
            if kwargs.get(name) is not None:
                raise InputError(f'CheckpointHook: `{name}:`', 'would make it impossible to resume the run', remedy)
        super().__init__(**kwargs)

    def before_train(self, runner: Runner) -> None:
        """Find the folder, and restore the names of the checkpoints that a resumed run keeps."""
        self._folder = Path(runner.work_dir)
        self._kept_steps: deque[int] = deque(runner.message_hub.runtime_info.get('keep_ckpt_ids', []))
        if self.save_best and 'auto' not in self.key_indicators:
            self._restore_best(runner)
        runner.logger.info(f'Checkpoints will be saved to {self._folder}')

    def after_train(self, runner: Runner) -> None:
        """Save the last state if neither the interval nor the planned end did (early stopping)."""
        step = runner.epoch if self.by_epoch else runner.iter
        if self.save_last and step > 0 and not self._is_saved(step):
            self.save_step(runner, step, {'epoch': runner.epoch, 'iter': runner.iter})
        super().after_train(runner)

    def _is_saved(self, step: int) -> bool:
        return self.last_ckpt is not None and Path(self.last_ckpt).name == self.filename_tmpl.format(step)

    def save_step(self, runner: Runner, step: int, meta: Mapping[str, Any]) -> None:
        """Save the checkpoint of an epoch or iteration, then delete those that are outdated."""
        if self._is_unsound(runner):
            return
        if step not in self._kept_steps:
            self._kept_steps.append(step)
        outdated = []
        while 0 < self.max_keep_ckpts < len(self._kept_steps):
            outdated.append(self._kept_steps.popleft())
        name = self.filename_tmpl.format(step)
        self.last_ckpt = str(self._folder / name)
        runner.message_hub.update_info('keep_ckpt_ids', list(self._kept_steps))
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            str(self._folder),
            name,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=dict(meta),
            by_epoch=self.by_epoch,
        )
        if is_main_process():
            write_text(Path(runner.work_dir) / LAST_CHECKPOINT, self.last_ckpt)
            for old in outdated:
                (self._folder / self.filename_tmpl.format(old)).unlink(missing_ok=True)
            (Path(runner.work_dir) / INTERRUPTED_CHECKPOINT).unlink(missing_ok=True)  # the training has continued since

    def save_best_of(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Save a checkpoint if a metric is the best so far, then delete the previous best.

        Raises:
            InputError: Validation does not return the metric.
        """
        if not self.save_best or not hasattr(self, '_folder'):  # a validation outside training saves nothing
            return
        if 'auto' in self.key_indicators:
            self.monitor(next(iter(metrics)))
            self._restore_best(runner)
        step = runner.epoch if self.by_epoch else runner.iter
        is_unsound = self._is_unsound(runner)
        best = {}
        for metric, rule in zip(self.key_indicators, self.rules, strict=True):
            if metric not in metrics:
                raise InputError(
                    f'save_best={metric!r}', f'validation gave {", ".join(metrics)}', 'choose one of these'
                )
            key = self._key(metric)
            score = metrics[metric]
            previous = runner.message_hub.get_info(f'best_score{key}', self.init_value_map[rule])
            if is_unsound or score is None or not self.is_better_than[metric](score, previous):
                continue
            name = f'best_{_file_part(metric)}_{self.filename_tmpl.format(step)}'
            best[metric] = name
            runner.message_hub.update_info(f'best_score{key}', float(score))
            runner.message_hub.update_info(f'best_ckpt{key}', str(self._folder / name))
            self._save_best(runner, name)
            runner.logger.info(f'The best checkpoint with {float(score):0.4f} {metric} is saved to {name}')
        if best or self._is_saved(step):  # again, because validation changed scores and counts of other hooks
            self.save_step(runner, step, {'epoch': runner.epoch, 'iter': runner.iter})
        if is_main_process():
            for metric, name in best.items():
                self._remove_previous_best(metric, name)

    def _is_unsound(self, runner: Runner) -> bool:
        reason = why_unsound(runner)
        if reason:
            runner.logger.warning(f'no checkpoint is saved: {reason}; {last_sound(runner.work_dir)}')
        return bool(reason)

    def _save_best(self, runner: Runner, name: str) -> None:
        meta = {'epoch': runner.epoch, 'iter': runner.iter}
        runner.save_checkpoint(str(self._folder), name, save_optimizer=False, save_param_scheduler=False, meta=meta)

    def _restore_best(self, runner: Runner) -> None:
        """Keep the best scores of a resumed run for the same metrics only: another metric may never reach them."""
        hub = runner.message_hub
        suffixes = [key.removeprefix('best_ckpt') for key in hub.runtime_info if key.startswith('best_ckpt')]
        earlier = [(Path(hub.pop_info(f'best_ckpt{one}')).name, hub.pop_info(f'best_score{one}')) for one in suffixes]
        for metric in self.key_indicators:
            for name, score in earlier:
                if self._is_best_of(metric, name):
                    hub.update_info(f'best_score{self._key(metric)}', score)
                    hub.update_info(f'best_ckpt{self._key(metric)}', str(self._folder / name))
                    # The run may have been killed before it removed the previous one.
                    if is_main_process() and (self._folder / name).is_file():
                        self._remove_previous_best(metric, name)

    def _key(self, metric: str) -> str:
        return '' if len(self.key_indicators) == 1 else f'_{metric}'

    def _is_best_of(self, metric: str, name: str) -> bool:
        pattern = re.escape(self.filename_tmpl).replace(r'\{\}', r'\d+')
        return re.fullmatch(f'best_{re.escape(_file_part(metric))}_{pattern}', name) is not None

    def _remove_previous_best(self, metric: str, name: str) -> None:
        """Remove the other best files of the metric, including one that a killed run had no time to record."""
        for path in self._folder.glob('best_*.pth'):
            if path.name != name and self._is_best_of(metric, path.name):
                path.unlink(missing_ok=True)


def _file_part(metric: str) -> str:
    return metric.replace('/', '_')
