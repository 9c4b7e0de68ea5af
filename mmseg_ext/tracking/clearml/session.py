"""The task of one run, written through ClearML's SDK. It lives in the process of `process`, never in a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatchmethod
from pathlib import Path
from typing import Any

from mmseg_ext.data.fingerprint import data_fingerprint
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_json
from mmseg_ext.reading import load_json
from mmseg_ext.runs.hyperparameters import DATA_FINGERPRINT, joined_fingerprints
from mmseg_ext.tracking.clearml.messages import (
    Checkpoint,
    CloseTask,
    ConfusionMatrix,
    ConsoleLine,
    Enqueue,
    Image,
    Reply,
    Scalars,
    SingleValues,
    Started,
    StartTask,
    Table,
)

TASK_FILE = 'clearml.json'
HYPERPARAMETERS_SECTION = 'Hyperparameters'
CONFIG_OBJECT = 'config'
CHECKPOINT_ARTIFACT = 'best checkpoint'
STATUS_PROPERTY = 'status'
CONTINUES_PROPERTY = 'continues'


class Session:
    """One run's task. `handle` carries out one message.

    Args:
        reply: Sends a reply to the training.
        offline: Whether the task goes to an offline session instead of a server.
    """

    def __init__(self, reply: Callable[[Reply], None], offline: bool) -> None:
        self.reply = reply
        self.offline = offline
        self.task: Any = None
        self.uploading = False
        self._values: dict[str, float] = {}
        self._seen: set[tuple[str, str, int]] = set()
        self._reported = {'train': -1, 'val': -1}  # last iterations that earlier sessions of the run have reported
        self._last = dict(self._reported)

    @singledispatchmethod
    def handle(self, message: object) -> None:
        """Carry out a message; see `messages` for what each one asks for.

        Raises:
            TypeError: The message is of an unknown class.
        """
        raise TypeError(f'unknown message {message!r}')

    @handle.register
    def _start(self, message: StartTask) -> None:
        from clearml import Task
        from clearml.config import running_remotely

        self._file = Path(message.work_dir) / TASK_FILE if message.work_dir else None
        previous = _read_task_file(self._file) if message.resume and self._file else {}
        Task._report_subprocess_enabled = False  # this process is the subprocess; a second one closes in ten seconds
        Task.set_offline(self.offline)
        if message.requirements:
            Task.force_requirements_env_freeze(requirements_file=message.requirements)
        continued = None if self.offline or previous.get('mode') != 'online' else previous['task_id']
        self.task = Task.init(
            project_name=message.project,
            task_name=message.name,
            tags=list(message.tags),
            reuse_last_task_id=continued or False,
            continue_last_task=0 if continued or running_remotely() else False,  # True would shift the x axis
            output_uri=None if self.offline else True,
            auto_connect_arg_parser=False,
            auto_connect_frameworks=False,
            auto_connect_streams=False,
            auto_resource_monitoring=False,
        )
        if continued or self.offline:
            last = previous.get('last_iteration', -1)
            if continued:  # the server knows what has arrived there
                last = self.task.get_last_iteration() or -1
            self._reported = {'train': last, 'val': previous.get('last_validation', last)}
            self._last = dict(self._reported)
        session = f'{self.task.get_offline_mode_folder()}.zip' if self.offline else None
        self._sessions = [*previous.get('sessions', []), *([session] if session else [])]
        self._page = None if self.offline else str(self.task.get_output_log_web_page())
        self._write_task_file()
        self.reply(Started(str(self.task.id), self._page, session))
        self._describe(message, previous.get('task_id'))

    def _write_task_file(self) -> None:
        content = {
            'mode': 'offline' if self.offline else 'online',
            'task_id': self.task.id,
            'last_iteration': self._last['train'],
            'last_validation': self._last['val'],
            'sessions': self._sessions,
        }
        if self._page is not None:
            content['page'] = self._page
        if self._file is not None:
            write_json(self._file, content)

    def _describe(self, message: StartTask, continued: str | None) -> None:
        from clearml.config import running_remotely

        fingerprint = joined_fingerprints(_fingerprint(*source) for source in message.data)
        values = {**message.hyperparameters, DATA_FINGERPRINT: fingerprint}
        if running_remotely():  # connect would show what was asked for instead of what is trained
            self.task.update_parameters({f'{HYPERPARAMETERS_SECTION}/{name}': value for name, value in values.items()})
        else:
            self.task.connect(values, name=HYPERPARAMETERS_SECTION)
        self.task.set_configuration_object(CONFIG_OBJECT, config_text=message.config, config_type='python')
        properties = {'dataset': values['dataset'], DATA_FINGERPRINT: fingerprint}
        if self.offline and continued:
            properties[CONTINUES_PROPERTY] = continued
        self.task.set_user_properties(**properties)

    def _is_new(self, title: str, step: int) -> bool:
        """Check that a resumed run has not reported a step before; a validation that was cut short is repeated."""
        return step > self._reported[_phase(title)]

    @handle.register
    def _scalars(self, message: Scalars) -> None:
        """Add points to curves, without those that a resumed run has reported before or that come twice."""
        for title, series, value in message.points:
            key = (title, series, message.step)
            if key not in self._seen and self._is_new(title, message.step):
                self._seen.add(key)
                self.task.get_logger().report_scalar(title, series, value, message.step)
        validated = self._last['val']
        for phase in {_phase(title) for title, _, _ in message.points}:
            self._last[phase] = max(self._last[phase], message.step)
        if self._last['val'] > validated:  # the server does not tell which of its iterations were validated
            self._write_task_file()

    @handle.register
    def _single_values(self, message: SingleValues) -> None:
        self._values.update(message.values)

    @handle.register
    def _table(self, message: Table) -> None:
        rows = [list(row) for row in message.rows]
        if self._is_new(message.title, message.step):
            self.task.get_logger().report_table(message.title, message.series, message.step, table_plot=rows)

    @handle.register
    def _confusion(self, message: ConfusionMatrix) -> None:
        if self._is_new(message.title, message.step):
            classes = list(message.classes)
            self.task.get_logger().report_confusion_matrix(
                message.title, message.series, message.matrix, message.step, xaxis='predicted', yaxis='true',
                xlabels=classes, ylabels=classes, yaxis_reversed=True,
            )  # fmt: skip

    @handle.register
    def _image(self, message: Image) -> None:
        if self._is_new(message.title, message.step):
            self.task.get_logger().report_image(message.title, message.series, message.step, image=message.image)

    @handle.register
    def _console_line(self, message: ConsoleLine) -> None:
        self.task.get_logger().report_text(message.text, print_console=False)

    @handle.register
    def _checkpoint(self, message: Checkpoint) -> None:
        """Upload a checkpoint: as the run's output model, or offline as an artifact."""
        palette = [list(map(int, colour)) for colour in message.palette]
        self.uploading = True
        try:
            self._upload(message.path, message.name, list(message.classes), palette)
        finally:
            self.uploading = False

    def _upload(self, path: str, name: str, classes: Sequence[str], palette: list[list[int]]) -> None:
        if self.offline:
            metadata = {'classes': str(classes), 'palette': str(palette)}
            if not self.task.upload_artifact(CHECKPOINT_ARTIFACT, path, metadata=metadata):
                raise OSError(f'{path} was not taken')
            return
        from clearml import OutputModel

        model = OutputModel(
            task=self.task,
            name=name,
            framework='PyTorch',
            label_enumeration={label: index for index, label in enumerate(classes)},
            config_dict={'classes': classes, 'palette': palette},
        )
        model.update_weights(weights_filename=path, auto_delete_file=False, async_enable=False)

    @handle.register
    def _enqueue(self, message: Enqueue) -> None:
        self.task.connect(dict(message.arguments), name=message.section)
        self.task.execute_remotely(queue_name=message.queue, clone=False, exit_process=True)

    @handle.register
    def _close(self, message: CloseTask) -> None:
        from clearml import Task
        from clearml.config import running_remotely

        for name, value in self._values.items():
            self.task.get_logger().report_single_value(name, value)
        if self.offline:
            status = f'{message.status}: {message.reason}' if message.reason else message.status
            self.task.set_user_properties(**{STATUS_PROPERTY: status})
        self._write_task_file()
        task_id = self.task.id
        self.task.close()
        if message.status == 'completed' or self.offline or running_remotely():  # an agent goes by the exit code
            return
        task = Task.get_task(task_id)
        mark = task.mark_failed if message.status == 'failed' else task.mark_stopped
        mark(force=True, status_message=message.reason)


def _phase(title: str) -> str:
    return 'val' if title.startswith('val/') else 'train'


def _read_task_file(file: Path) -> dict[str, Any]:
    try:
        content = load_json(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _fingerprint(root: str, labels: str | None, split: str) -> str | None:
    try:
        return data_fingerprint(root, labels, [split])
    except InputError:
        return None
