"""Messages between a training and the process that talks to ClearML.

The training sends `Settings` once and then any `Message`, pickled; the process answers with any `Reply`, one JSON
object a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.tracking.clearml.titles import Point


@dataclass(frozen=True)
class Settings:
    """How the process works.

    Attributes:
        mode: ``auto``, ``online`` or ``offline``.
        cache: Folder of offline sessions, where the environment names none.
        argv: Command line by which the SDK finds the task's repository and script.
        probe_timeout: Seconds that the server may take to answer.
        close_timeout: Seconds without an answer after which a process whose training has died ends.
    """

    mode: str
    cache: str
    argv: Sequence[str]
    probe_timeout: float
    close_timeout: float


@dataclass(frozen=True)
class StartTask:
    """Make the run's task, or continue it, and describe the experiment.

    Attributes:
        project: Name of the project in ClearML.
        name: The task's name.
        hyperparameters: Flat section, name → value.
        config: Text of the config.
        data: Data root, label set and split of each source.
        requirements: Path of the file of pinned requirements, if there is one.
        tags: Tags of the task.
        work_dir: Folder of ``clearml.json``; None for a task that is only enqueued.
        resume: Continue the task that the work dir names.
    """

    project: str
    name: str
    hyperparameters: Mapping[str, Any]
    config: str
    data: Sequence[tuple[str, str | None, str]]
    requirements: str | None
    tags: Sequence[str] = ()
    work_dir: str | None = None
    resume: bool = False


@dataclass(frozen=True)
class Scalars:
    """Points of curves, after ``step`` finished iterations."""

    points: Sequence[Point]
    step: int


@dataclass(frozen=True)
class SingleValues:
    """Values without a curve; each is reported when the task is closed, with what it was last."""

    values: Mapping[str, float]


@dataclass(frozen=True)
class Table:
    """A table; the first row is its head."""

    title: str
    series: str
    rows: Sequence[Sequence[Any]]
    step: int


@dataclass(frozen=True)
class ConfusionMatrix:
    """A confusion matrix of shape (K, K): rows true, columns predicted classes."""

    title: str
    series: str
    matrix: NDArray[np.float64]
    classes: Sequence[str]
    step: int


@dataclass(frozen=True)
class Image:
    """An image, RGB, shape (H, W, 3), uint8."""

    title: str
    series: str
    image: NDArray[np.uint8]
    step: int


@dataclass(frozen=True)
class ConsoleLine:
    """A line of the log."""

    text: str


@dataclass(frozen=True)
class Checkpoint:
    """The best checkpoint, to be uploaded.

    Attributes:
        path: The file.
        name: The model's name.
        classes: Names of the K classes.
        palette: Their K colours, RGB.
    """

    path: str
    name: str
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Enqueue:
    """Put the task into a queue, or make it a draft; the process ends with that.

    Attributes:
        queue: Name of the queue; None makes a draft.
        section: Section of the task for the arguments.
        arguments: What the task is to be run with.
    """

    queue: str | None
    section: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class CloseTask:
    """Send what is left and give the task its status.

    Attributes:
        status: ``completed``, ``failed`` or ``stopped``.
        reason: Why it failed or was stopped.
    """

    status: str
    reason: str = ''


Message = (
    StartTask | Scalars | SingleValues | Table | ConfusionMatrix | Image | ConsoleLine | Checkpoint
    | Enqueue | CloseTask
)  # fmt: skip


@dataclass(frozen=True)
class Probing:
    """The SDK is loaded, and the server is being asked."""


@dataclass(frozen=True)
class Probed:
    """The mode that is possible, and why it is not the wanted one."""

    mode: str
    reason: str | None


@dataclass(frozen=True)
class Started:
    """The task exists: its id, and the address of its page or the file of its offline session."""

    task_id: str
    page: str | None
    session: str | None


@dataclass(frozen=True)
class Failed:
    """The first failure of one class of messages."""

    message: str
    reason: str


@dataclass(frozen=True)
class Alive:
    """The task is being closed, and the server still answers."""


@dataclass(frozen=True)
class Closed:
    """The task is closed; how many messages of each class have failed."""

    failures: Mapping[str, int]


Reply = Probing | Probed | Started | Failed | Alive | Closed
REPLIES = {reply.__name__: reply for reply in get_args(Reply)}


def encode_reply(reply: Reply) -> str:
    """Write a reply as one line of JSON.

    >>> encode_reply(Probed('offline', 'no answer'))
    '{"kind": "Probed", "mode": "offline", "reason": "no answer"}'
    """
    return json.dumps({'kind': type(reply).__name__, **asdict(reply)})


def decode_reply(line: str | bytes) -> Reply:
    """Read a reply.

    Raises:
        ValueError: The line is no reply.

    >>> decode_reply('{"kind": "Alive"}')
    Alive()
    """
    try:
        content = json.loads(line)
        reply: Reply = REPLIES[content.pop('kind')](**content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{line!r} is not a reply') from error
    return reply
