"""ClearML backend of mmengine's visualizers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmengine.visualization.vis_backend import BaseVisBackend
from numpy.typing import NDArray

from mmseg_ext.engine.mmengine_internals import backends_of
from mmseg_ext.errors import InputError
from mmseg_ext.registry import VISBACKENDS
from mmseg_ext.runs.hyperparameters import data_sources, hyperparameters
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.client import Client
from mmseg_ext.tracking.clearml.messages import Image, Message, Scalars, StartTask
from mmseg_ext.tracking.clearml.remote import pinned_requirements
from mmseg_ext.tracking.clearml.titles import points

MODES = ('auto', 'online', 'offline', 'off')
TYPES = ('mmseg_ext.ClearMLBackend', 'ClearMLBackend')
START_TIMEOUT_S = 30.0
LOG_FILE = 'clearml.log'


@VISBACKENDS.register_module()
class ClearMLBackend(BaseVisBackend):
    """Log a training to ClearML, which cannot stop, slow down or end it.

    All of ClearML's SDK runs in a process of its own (`process`). With ``mmseg_ext.ClearMLHook`` among the
    hooks, as in ``configs/_base_/default_runtime.py``, everything is logged (docs/clearml.md); without it, what
    mmengine's ``LoggerHook`` gives. Only the first of several processes logs.

    Args:
        save_dir: Folder of ``clearml.log``, which takes what the SDK prints.
        mode: ``online`` (fails within five seconds where the server cannot be used), ``offline`` (a session to be sent
            later), ``off``, or ``auto``: online where ClearML is configured and its server answers within three
            seconds, offline where it does not answer, off where nothing is configured.
        project: The project in ClearML.
        task_name: The task's name; by default that of the work dir.
        tags: Tags of the task, besides the name of the data set.
        images: Number of validation images that are shown at each evaluation, always the same ones.
        probe_timeout: Seconds that the server may take to answer at the start.
        close_timeout: Seconds that closing may take at the end, from the server's last sign of life.

    Raises:
        InputError: An unknown mode.
    """

    def __init__(
        self,
        save_dir: str,
        mode: str = 'auto',
        project: str = server.DEFAULT_PROJECT,
        task_name: str | None = None,
        tags: Sequence[str] = (),
        images: int = 6,
        probe_timeout: float = server.PROBE_TIMEOUT_S,
        close_timeout: float = 15.0,
    ) -> None:
        super().__init__(save_dir)
        if mode not in MODES:
            raise InputError('ClearMLBackend', f'mode={mode!r} must be one of {", ".join(MODES)}')
        self.mode = mode
        self.project = project
        self.task_name = task_name
        self.tags = tuple(tags)
        self.images = images
        self.has_hook = False
        self._timeouts = (probe_timeout, close_timeout)
        self._config: Config | None = None
        self._client: Client | None = None
        self._connected = self._started = self._closed = False

    @property
    def experiment(self) -> Client | None:
        """Connection to the logging process; None where nothing is logged. The SDK's task lives in that process."""
        return self._client

    def _init_env(self) -> None:
        """Nothing to do before the training starts."""

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Keep the config, from which the task is described when the training starts."""
        self._config = config

    def connect(self) -> None:
        """Find out how to log. ``online`` waits for the server; the other modes do not wait.

        Raises:
            InputError: In the mode ``online`` where the server cannot be used; in ``online`` and ``offline`` where
                ClearML is not installed.
        """
        if self._connected or not is_main_process() or self._config is None:
            return
        self._connected = True
        mode = self._possible_mode()
        if mode == 'off':
            return
        work_dir = Path(self._config.work_dir)
        log_file = Path(self._save_dir) / LOG_FILE
        log_file.parent.mkdir(parents=True, exist_ok=True)
        self._client = Client(mode, _log, log_file, work_dir / 'clearml', *self._timeouts)
        if mode == 'online' and self._client.wait_for_mode() != 'online':
            reason = self._client.reason or 'the server does not answer'
            self.close('failed')
            remedy = 'start the server, correct clearml.conf, or train with `mode=auto`'
            raise InputError('ClearML', reason, remedy)

    def _possible_mode(self) -> str:
        if self.mode == 'off':
            return 'off'
        if not server.is_installed():
            if self.mode != 'auto':
                raise InputError(f'`mode={self.mode}`', 'clearml is not installed', 'pip install clearml')
            _log('ClearML: not installed, so nothing is logged there', False)
            return 'off'
        if self.mode == 'auto' and server.wants_offline():
            return 'offline'
        if self.mode == 'auto' and not server.is_configured():
            _log('ClearML: not configured, so nothing is logged there (see docs/clearml.md)', False)
            return 'off'
        return self.mode

    def start(self, resume: bool = False, extra: Mapping[str, Any] | None = None) -> None:
        """Make the run's task.

        Args:
            resume: Continue the task that the work dir names.
            extra: Further hyperparameters, such as the commit.

        Raises:
            InputError: As in `connect`; and in the mode ``online`` where the server makes no task.
        """
        self.connect()
        if self._client is None or self._started or self._config is None:
            return
        self._started = True
        values = {**hyperparameters(self._config), **(extra or {})}
        work_dir = Path(self._config.work_dir).absolute()
        self._client.send(
            StartTask(
                project=self.project,
                name=self.task_name or work_dir.name,
                hyperparameters=values,
                config=self._config.pretty_text,
                data=data_sources(self._config),
                requirements=pinned_requirements(),
                tags=[*self.tags, *str(values['dataset']).split(' + ')],
                work_dir=str(work_dir),
                resume=resume,
            )
        )
        if self.mode == 'online' and not self._client.wait_for_start(START_TIMEOUT_S):
            reason = self._client.reason or f'no task within {START_TIMEOUT_S:g} s'
            self.close('failed')
            raise InputError('ClearML', f'the server creates no task ({reason})', 'train with `mode=offline`')

    def send(self, message: Message) -> None:
        """Send a message to the logging process; nothing where nothing is logged."""
        if self._client is not None and self._started and not self._closed:
            self._client.send(message)

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Log one value, unless it is no finite number."""
        self._add({name: value}, step)

    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Log several values.

        Args:
            scalar_dict: Names → values; what is no finite number, and epoch and iteration, are left out.
            step: Finished iterations.
            file_path: Given by ``LoggerHook`` alone, whose values have no ``train/`` or ``val/`` before their names.
            kwargs: Not used.
        """
        if file_path is None:
            self._add(scalar_dict, step)
        elif not self.has_hook:  # which logs the same values
            phase = 'train' if 'loss' in scalar_dict else 'val'
            self._add({f'{phase}/{name}': value for name, value in scalar_dict.items()}, step)

    def _add(self, scalars: Mapping[str, Any], step: int) -> None:
        if not self._started and not self._closed:
            self.start()
        found = points(scalars)
        if found:
            self.send(Scalars(found, int(step)))

    def add_image(self, name: str, image: NDArray[np.uint8], step: int = 0, **kwargs: Any) -> None:
        """Log an image, RGB, shape (H, W, 3), uint8."""
        title, _, series = name.rpartition('/')
        self.send(Image(title or name, series, image, int(step)))

    def close(self, status: str = 'completed', reason: str = '') -> None:
        """Close the task, in bounded time; only the first call counts.

        Args:
            status: ``completed``, ``failed`` or ``stopped``.
            reason: Why, for the last two.
        """
        if self._client is not None and not self._closed:
            self._closed = True
            self._client.close(status, reason)


def find_backend(visualizer: Any) -> ClearMLBackend | None:
    """Return the ClearML backend of a visualizer, if it has one."""
    return next((backend for backend in backends_of(visualizer) if isinstance(backend, ClearMLBackend)), None)


def backend_options(config: Config) -> dict[str, Any]:
    """Return the options that a config gives its ClearML backend; empty where it has none."""
    backends = (config.get('visualizer') or {}).get('vis_backends') or []
    return next((dict(backend) for backend in backends if backend.get('type') in TYPES), {})


def set_mode(config: Config, mode: str | None) -> None:
    """Put the backend and its hook into a config.

    Args:
        config: Changed in place.
        mode: As for `ClearMLBackend`; None keeps what the config says, or else means ``auto``.
    """
    visualizer = config.get('visualizer') or {'type': 'SegLocalVisualizer', 'name': 'visualizer'}
    backends = [dict(backend) for backend in visualizer.get('vis_backends') or []]
    given = next((backend for backend in backends if backend.get('type') in TYPES), None)
    if given is None:
        backends.append({'type': TYPES[0], 'mode': mode or 'auto'})
    elif mode is not None:
        given['mode'] = mode
    config.visualizer = {**visualizer, 'vis_backends': backends}
    hooks = list(config.get('custom_hooks') or [])
    if not any(str(hook.get('type', '')).endswith('ClearMLHook') for hook in hooks if isinstance(hook, Mapping)):
        config.custom_hooks = [*hooks, {'type': 'mmseg_ext.ClearMLHook'}]


def connect(runner: Runner) -> None:
    """Find out whether the server answers, before the data are read; see `ClearMLBackend.connect`."""
    backend = find_backend(runner.visualizer)
    if backend is not None:
        backend.connect()


def _log(text: str, is_warning: bool) -> None:
    print_log(text, 'current', logging.WARNING if is_warning else logging.INFO)
