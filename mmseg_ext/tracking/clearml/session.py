"""What is told to ClearML, through its SDK. It runs in the process of `clearml_process`, never in a training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.data.fingerprint import data_fingerprint
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_json
from mmseg_ext.tracking.clearml.titles import Point

FILE_NAME = 'clearml.json'
SECTION = 'Hyperparameters'
ARTIFACT = 'best checkpoint'
STATUS = 'status'
CONTINUES = 'continues'

Reply = Callable[..., None]


class Session:
    """One run's task. Each public method is the receiver of one kind of message.

    Args:
        reply: Sends a message to the training, by its kind and content.
        mode: ``online`` or ``offline``.
    """

    def __init__(self, reply: Reply, mode: str) -> None:
        self.reply = reply
        self.offline = mode == 'offline'
        self.task: Any = None
        self.uploading = False
        self._values: dict[str, float] = {}
        self._seen: set[tuple[str, str, int]] = set()
        self._reported = -1
        self._last = -1

    def start(self, run: Mapping[str, Any]) -> None:
        """Make the run's task, or continue it, and describe the experiment.

        Args:
            run: ``project``, ``name``, ``tags``, ``work_dir`` and ``requirements`` (paths or None), ``resume``,
                ``hyperparameters``, ``config`` (text) and ``data`` (data root, label set and split of each source).
        """
        from clearml import Task
        from clearml.config import running_remotely

        self._file = Path(run['work_dir']) / FILE_NAME if run['work_dir'] else None
        previous = self._previous(self._file) if run['resume'] and self._file else {}
        Task._report_subprocess_enabled = False  # this process is the subprocess; a second one closes in ten seconds
        Task.set_offline(self.offline)
        if run['requirements']:
            Task.force_requirements_env_freeze(requirements_file=run['requirements'])
        continued = None if self.offline or previous.get('mode') != 'online' else previous['task_id']
        self.task = Task.init(
            project_name=run['project'],
            task_name=run['name'],
            tags=list(run['tags']),
            reuse_last_task_id=continued or False,
            continue_last_task=0 if continued or running_remotely() else False,  # True would shift the x axis
            output_uri=None if self.offline else True,
            auto_connect_arg_parser=False,
            auto_connect_frameworks=False,
            auto_connect_streams=False,
            auto_resource_monitoring=False,
        )
        if continued:  # the server knows what has arrived there
            self._reported = self._last = self.task.get_last_iteration() or -1
        elif self.offline:
            self._reported = self._last = previous.get('last_iteration', -1)
        self._sessions = [*previous.get('sessions', []), *([self._zip()] if self.offline else [])]
        self._write()
        self.reply(
            'started',
            task=self.task.id,
            page=None if self.offline else self.task.get_output_log_web_page(),
            session=self._zip() if self.offline else None,
        )
        self._describe(run, previous)

    def _previous(self, file: Path) -> dict[str, Any]:
        try:
            content = json.loads(file.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _zip(self) -> str:
        return f'{self.task.get_offline_mode_folder()}.zip'

    def _write(self) -> None:
        content = {
            'mode': 'offline' if self.offline else 'online',
            'task_id': self.task.id,
            'last_iteration': self._last,
            'sessions': self._sessions,
        }
        if not self.offline:
            content['page'] = self.task.get_output_log_web_page()
        if self._file is not None:
            write_json(self._file, content)

    def _describe(self, run: Mapping[str, Any], previous: Mapping[str, Any]) -> None:
        from clearml.config import running_remotely

        fingerprint = ' + '.join(_fingerprint(*source) for source in run['data']) or 'none'
        values = {**run['hyperparameters'], 'data_fingerprint': fingerprint}
        if running_remotely():  # connect would show what was asked for instead of what is trained
            self.task.update_parameters({f'{SECTION}/{name}': value for name, value in values.items()})
        else:
            self.task.connect(values, name=SECTION)
        self.task.set_configuration_object('config', config_text=run['config'], config_type='python')
        properties = {'dataset': values['dataset'], 'data_fingerprint': fingerprint}
        if self.offline and previous.get('task_id'):
            properties[CONTINUES] = previous['task_id']
        self.task.set_user_properties(**properties)

    def scalars(self, points: Sequence[Point], step: int) -> None:
        """Add points to curves; those that a resumed run has reported before, or that come twice, are left out.

        Args:
            points: Titles, series and values.
            step: Finished iterations.
        """
        if step <= self._reported:
            return
        self._last = max(self._last, step)
        logger = self.task.get_logger()
        for title, series, value in points:
            if self._is_new(title, series, step):
                logger.report_scalar(title, series, value, step)

    def _is_new(self, title: str, series: str, step: int) -> bool:
        key = (title, series, step)
        known = key in self._seen
        self._seen.add(key)
        return not known

    def values(self, values: Mapping[str, float]) -> None:
        """Note single values; they are reported when the session is closed, each with what it was last."""
        self._values.update(values)

    def table(self, title: str, series: str, rows: Sequence[Sequence[Any]], step: int) -> None:
        """Report a table; the first row is its head."""
        if step > self._reported:
            self.task.get_logger().report_table(title, series, step, table_plot=[list(row) for row in rows])

    def confusion(self, title: str, series: str, matrix: Any, classes: Sequence[str], step: int) -> None:
        """Report a confusion matrix, shape (K, K), rows true and columns predicted classes."""
        if step > self._reported:
            self.task.get_logger().report_confusion_matrix(
                title, series, matrix, step, xaxis='predicted', yaxis='true', xlabels=list(classes),
                ylabels=list(classes), yaxis_reversed=True,
            )  # fmt: skip

    def image(self, title: str, series: str, image: Any, step: int) -> None:
        """Report a picture, RGB, shape (H, W, 3), uint8."""
        if step > self._reported:
            self.task.get_logger().report_image(title, series, step, image=image)

    def text(self, line: str) -> None:
        """Add a line to the console."""
        self.task.get_logger().report_text(line, print_console=False)

    def model(self, path: str, name: str, classes: Sequence[str], palette: Sequence[Sequence[int]]) -> None:
        """Upload a checkpoint: as the run's output model, or offline as the artifact ``best checkpoint``."""
        design: dict[str, list[Any]] = {'classes': list(classes), 'palette': [list(map(int, rgb)) for rgb in palette]}
        self.uploading = True
        try:
            self._upload(path, name, design)
        finally:
            self.uploading = False

    def _upload(self, path: str, name: str, design: dict[str, list[Any]]) -> None:
        if self.offline:
            shown = {key: str(value) for key, value in design.items()}
            if not self.task.upload_artifact(ARTIFACT, path, metadata=shown):
                raise OSError(f'{path} was not taken')
            return
        from clearml import OutputModel

        labels = {label: number for number, label in enumerate(design['classes'])}
        model = OutputModel(
            task=self.task, name=name, framework='PyTorch', label_enumeration=labels, config_dict=design
        )
        model.update_weights(weights_filename=path, auto_delete_file=False, async_enable=False)

    def enqueue(self, queue: str | None, section: str, arguments: Mapping[str, Any]) -> None:
        """Put the task into a queue with the arguments that it shall be run with, or with None make it a draft.

        This process ends thereby.
        """
        self.task.connect(dict(arguments), name=section)
        self.task.execute_remotely(queue_name=queue, clone=False, exit_process=True)

    def close(self, status: str, reason: str = '') -> None:
        """Send what is left and give the task its status.

        Args:
            status: ``completed``, ``failed`` or ``stopped``.
            reason: Why it failed or was stopped.
        """
        from clearml import Task
        from clearml.config import running_remotely

        for name, value in self._values.items():
            self.task.get_logger().report_single_value(name, value)
        if self.offline:
            self.task.set_user_properties(**{STATUS: f'{status}: {reason}' if reason else status})
        self._write()
        task_id = self.task.id
        self.task.close()
        if status == 'completed' or self.offline or running_remotely():  # an agent goes by the exit code
            return
        task = Task.get_task(task_id)
        mark = task.mark_failed if status == 'failed' else task.mark_stopped
        mark(force=True, status_message=reason)


def _fingerprint(root: str, labels: str | None, split: str) -> str:
    try:
        return data_fingerprint(root, labels, [split])
    except InputError:
        return 'unknown'
