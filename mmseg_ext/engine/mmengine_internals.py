"""The private names of mmengine that mmseg_ext needs; no other module uses any.

Each is given with its reason. `tests/engine/test_mmengine_internals.py` checks that it exists and has its signature, so
a version of mmengine that moves one fails there and not in a training.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, ClassVar

from mmengine.hooks import CheckpointHook, EarlyStoppingHook
from mmengine.optim import OptimWrapper
from mmengine.optim import _ParamScheduler as Scheduler
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import BaseLoop, Runner, loops
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend

from mmseg_ext.engine.checkpoints.pretrained import PretrainedInit
from mmseg_ext.engine.checkpoints.weights import LOADERS
from mmseg_ext.runs.checkpoint_file import load_strictly, load_url_strictly

# mmseg's TTA model passes a plane (H, W); mmengine makes it (1, H, W) and warns about that for every image.
PLANE_WARNING = 'The shape of value will convert from'
BINARY_WARNING = 'For binary segmentation, we suggest using'  # one output instead of two, which is no better
BETTER_WHEN_GREATER = ['Dice', 'IoU', 'Fscore']  # of one class: ``Dice/cat``; mmengine knows only the means
PROGRESS = frozenset({  # in a scheduler's state; the last three are in one that depends on scores
    'last_step', '_global_step', '_last_value', 'base_values', 'verbose', 'best', 'num_bad_epochs', 'cooldown_counter',
})  # fmt: skip

_lock = threading.RLock()
_depth = 0
_restore = ExitStack()
_formatted: tuple[tuple[str, dict[str, Any]], Any] | None = None  # a config's text and options, and what they became


@contextmanager
def strict_loading() -> Iterator[None]:
    """Let no checkpoint run code, refuse pretrained weights of another network, and know ``weights://``.

    mmengine reads a file with the restricted unpickler first. If that refuses, it uses the unrestricted one, which
    runs whatever code a foreign file holds. Downloads (``http://``, ``torchvision://``, ``open-mmlab://``) are
    read without restriction at once. Within this context, the two functions that all routes lead to (``load_from``,
    ``init_cfg=dict(type='Pretrained', …)``, ``mmengine.runner.load_checkpoint``) are strict. Also, warnings
    that no user can act on are ignored, and a log on a full disk prints no tracebacks (the next checkpoint names the
    disk).

    Outside, mmengine is unchanged. The context may be nested. It applies to all threads while any
    thread is in it: a thread that a library starts must not read less strictly than the one that started it. It also
    works as a decorator.
    """
    global _depth
    with _lock:
        if _depth == 0:
            _replace()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                _restore.close()


def _replace() -> None:
    global _restore
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for message in (PLANE_WARNING, BINARY_WARNING):
            warnings.filterwarnings('ignore', message=message)
        _set(stack, logging, 'raiseExceptions', False)
        # Another loader for local paths is not enough: the loaders of the other schemes call these two by name.
        _set(stack, mmengine_checkpoint, '_safe_torch_load', load_strictly)
        _set(stack, mmengine_checkpoint, 'load_url', load_url_strictly)
        for prefix, loader in LOADERS.items():
            # There is no public way to get or remove a loader.
            stack.callback(_set_scheme, prefix, CheckpointLoader._schemes.get(prefix))
            _set_scheme(prefix, loader)
        stack.callback(_set_pretrained, WEIGHT_INITIALIZERS.module_dict['Pretrained'])
        _set_pretrained(PretrainedInit)
        _restore = stack.pop_all()


def _set(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def _set_scheme(prefix: str, loader: Callable[..., Any] | None) -> None:
    if loader is None:
        CheckpointLoader._schemes.pop(prefix, None)
    else:
        CheckpointLoader.register_scheme(prefix, loader=loader, force=True)


def _set_pretrained(initializer: type) -> None:
    WEIGHT_INITIALIZERS.register_module(name='Pretrained', module=initializer, force=True)


@contextmanager
def formatting_once() -> Iterator[None]:
    """Format an unchanged config only once; mmengine formats it for its log, its message hub and its dump.

    ``Config.pretty_text`` calls yapf each time, which takes a tenth of a second or more. The last text is kept from one
    such context to the next; outside, mmengine is unchanged. The context also works as a decorator.
    """
    from yapf.yapflib import yapf_api  # slow to import, and rarely needed

    plain = yapf_api.FormatCode

    def format_code(text: str, **options: Any) -> Any:
        global _formatted
        if _formatted is None or _formatted[0] != (text, options):
            _formatted = (text, options), plain(text, **options)
        return _formatted[1]

    with ExitStack() as stack:
        _set(stack, yapf_api, 'FormatCode', format_code)
        yield


def part_in_construction(traceback: TracebackType | None) -> str | None:
    """Return the ``type`` that a registry was building when an exception was raised; None if it built nothing.

    mmengine's message does not name the part, so it is read from the local variables of its build functions.
    """
    part = None
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get('__name__') == 'mmengine.registry.build_functions':
            kind = frame.f_locals.get('obj_type') or part or 'a part without type'
            part = kind if isinstance(kind, str) else getattr(kind, '__name__', str(kind))
        traceback = traceback.tb_next
    return part


class OpenRunner(Runner):
    """mmengine's runner with public names for the state that our runner reads and sets."""

    @property
    def train_source(self) -> Any:
        """Config of the training's data loader, or the built loader; ``train_dataloader`` would build it."""
        return self._train_dataloader

    @train_source.setter
    def train_source(self, value: Any) -> None:
        self._train_dataloader = value

    @property
    def resumes(self) -> bool:
        """Whether the run continues an earlier one; mmengine takes this only as an argument."""
        return self._resume

    @resumes.setter
    def resumes(self, value: bool) -> None:
        self._resume = value

    @property
    def start_weights(self) -> str | None:
        """The config's ``load_from``, which mmengine keeps private."""
        return self._load_from

    @property
    def has_loaded(self) -> bool:
        """Whether weights have been loaded, so that ``load_or_resume`` must not replace them."""
        return self._has_loaded

    @has_loaded.setter
    def has_loaded(self, value: bool) -> None:
        self._has_loaded = value

    def set_finished_iterations(self, count: int) -> None:
        """Set the number of finished iterations; a loop counts a step only after its hooks."""
        self.train_loop._iter = count


def built_loops(runner: Runner) -> dict[str, BaseLoop]:
    """Return the built loops by ``train``, ``val`` and ``test``; attributes such as ``val_loop`` would build them."""
    found = {name: getattr(runner, f'_{name}_loop') for name in ('train', 'val', 'test')}
    return {name: loop for name, loop in found.items() if isinstance(loop, BaseLoop)}


def plan_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a scheduler's state that a config determines: begin, end, power …."""
    return {key: value for key, value in state.items() if key not in PROGRESS}


def replay(schedulers: Sequence[Scheduler], iterations: int, epochs: int) -> None:
    """Set schedulers and their optimizers to the values after some steps, computed from the start.

    Most schedulers derive each value from the previous one, so a scheduler whose plan has changed must run again.
    """
    for scheduler in schedulers:
        scheduler.last_step = scheduler._global_step = -1
        name = scheduler.param_name
        for group, value in zip(scheduler.optimizer.param_groups, scheduler.base_values, strict=True):
            group[name] = group[f'initial_{name}'] = value
    totals = [epochs if scheduler.by_epoch else iterations for scheduler in schedulers]
    longest = max([1, *totals])
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Detected call of `scheduler.step')  # there are no steps to optimize
        for step in range(longest + 1):  # the extra one is the step that a scheduler takes when it is built
            for scheduler, total in zip(schedulers, totals, strict=True):
                if step == 0 or step * total // longest > (step - 1) * total // longest:
                    scheduler.step()


def is_resumed(runner: Runner) -> bool:
    """Return whether a run continues an earlier one; works with mmengine's own runner too."""
    return bool(runner._resume)


def loaded_from(runner: Runner) -> str:
    """Return ``load_from`` of a runner (ours or mmengine's), or else the work dir, whose checkpoint it resumes."""
    return str(runner._load_from or runner.work_dir)


def backends_of(visualizer: Visualizer) -> list[BaseVisBackend]:
    """Return the backends of a visualizer; its public method needs their names."""
    return list(visualizer._vis_backends.values())


class OpenCheckpointHook(CheckpointHook):
    """mmengine's hook with public methods to override for its two steps, which have private names."""

    _default_greater_keys: ClassVar[list[str]] = [*CheckpointHook._default_greater_keys, *BETTER_WHEN_GREATER]

    def save_step(self, runner: Runner, step: int, meta: Mapping[str, Any]) -> None:
        """Save the checkpoint of an epoch or iteration."""
        raise NotImplementedError

    def save_best_of(self, runner: Runner, metrics: dict[str, Any]) -> None:
        """Save a checkpoint if a metric is the best so far."""
        raise NotImplementedError

    def monitor(self, metric: str) -> None:
        """Watch a metric; with ``save_best='auto'`` it is known only after the first validation."""
        self._init_rule(self.rules, [metric])

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: Mapping[str, Any]) -> None:
        self.save_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict[str, Any]) -> None:
        self.save_best_of(runner, metrics)


class OpenEarlyStoppingHook(EarlyStoppingHook):
    """mmengine's hook, which also knows the metrics of one class that are better when greater."""

    _default_greater_keys: ClassVar[list[str]] = [*EarlyStoppingHook._default_greater_keys, *BETTER_WHEN_GREATER]


def clip_gradients(wrapper: OptimWrapper) -> None:
    """Clip the gradients by an optimizer wrapper's ``clip_grad``; mmengine's own wrappers call this in ``step``."""
    wrapper._clip_grad()


def take_losses(outputs: list[Any], losses: dict[str, Any]) -> list[Any]:
    """Move the losses that a model appends to its outputs to ``losses``, as mmengine's loops do."""
    remaining: list[Any] = loops._update_losses(outputs, losses)[0]
    return remaining


def mean_losses(losses: Mapping[str, Any], stage: str) -> dict[str, float]:
    """Return the means of the losses of a loop, named as mmengine names them; ``stage`` is ``val`` or ``test``."""
    means: dict[str, float] = loops._parse_losses(losses, stage)
    return means
