"""Hook that checks model, data, checkpoint and schedule against each other before the first step."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.data.classes import FILE_NAME
from mmseg_ext.engine.class_checks import (
    check_heads,
    check_ignored_value,
    check_losses,
    check_validation_classes,
    class_difference,
    folder_datasets,
)
from mmseg_ext.engine.hooks.missing_validation import is_validation_missing
from mmseg_ext.engine.loader_memory import check_shared_memory
from mmseg_ext.engine.mmengine_internals import OpenRunner, built_loops, is_resumed, loaded_from, strict_loading
from mmseg_ext.engine.runner.length import check_remaining
from mmseg_ext.errors import InputError
from mmseg_ext.registry import HOOKS


@HOOKS.register_module()
class StartChecksHook(Hook):
    """Refuse what would stop the first step or validation with a traceback, or train and score something else.

    It is one of ``default_hooks``, so a config with its own ``custom_hooks`` keeps it. It also works in mmengine's
    runner, and makes that runner load weights as ours does (`strict_loading`).
    """

    priority = 'HIGHEST'
    _loading: AbstractContextManager[None] | None = None

    def before_run(self, runner: Runner) -> None:
        """Check classes, losses, the ignored value and memory.

        Raises:
            InputError: See `mmseg_ext.engine.class_checks` and `check_shared_memory`.
        """
        if not isinstance(runner, OpenRunner):
            self._loading = strict_loading()
            self._loading.__enter__()
        loops = built_loops(runner)
        for loop in loops.values():
            if classes := _metainfo(loop).get('classes'):
                check_heads(runner.model, classes, _source(loop))
        if 'train' in loops:
            check_losses(runner.model)
            train = loops['train']
            ignored = _metainfo(train).get('ignore_index')
            if ignored is not None:
                check_ignored_value(runner.model, train.dataloader.dataset, ignored, _source(train))
        if 'train' in loops and 'val' in loops:
            check_validation_classes(*(_metainfo(loops[name]) for name in ('train', 'val')))
        check_shared_memory([loop.dataloader for loop in loops.values()])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the classes of the checkpoint with those of the data.

        Raises:
            InputError: They differ. A training may start from weights of other classes.
        """
        loops = built_loops(runner)
        for name, loop in loops.items():
            found = class_difference(checkpoint.get('meta') or {}, _metainfo(loop))
            if found is None:
                continue
            starts = 'train' in loops and not is_resumed(runner)
            if starts and not found.is_reordered:
                if found.same_count:
                    runner.logger.warning(f'load_from: the checkpoint {found.text}; the head starts from its weights')
                return
            remedy = f"use the checkpoint's order in {_source(loop)} and in the mask values"
            raise InputError(
                loaded_from(runner), found.text, remedy if found.is_reordered else f'use {name} data with its classes'
            )

    def before_train(self, runner: Runner) -> None:
        """Check that there is something left to train.

        Raises:
            InputError: The resumed run has reached its end.
        """
        self._end_loading()
        if not is_validation_missing(runner):  # the last one may have been cut short
            check_remaining(runner)

    def before_val(self, runner: Runner) -> None:
        """Leave `strict_loading`."""
        self._end_loading()

    def before_test(self, runner: Runner) -> None:
        """Leave `strict_loading`."""
        self._end_loading()

    def _end_loading(self) -> None:
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.__exit__(None, None, None)


def _metainfo(loop: Any) -> dict[str, Any]:
    return getattr(loop.dataloader.dataset, 'metainfo', None) or {}


def _source(loop: Any) -> str:
    """Return where the names of the classes come from."""
    folder = next(folder_datasets(loop.dataloader.dataset), None)
    return 'the data set' if folder is None else str(folder.root / FILE_NAME)
