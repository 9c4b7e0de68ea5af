"""A run as data: its status, scores, curves and settings, read from a folder or a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.records import Records
from mmseg_ext.runs.schema import RunFile, read_checked

FINISHED, RUNNING, UNFINISHED, INTERRUPTED, FAILED, UNREADABLE = STATUSES = (
    'finished',
    'running',
    'unfinished',  # it may be running or have been stopped: nothing says which
    'interrupted',
    'failed',
    'unreadable',
)


@dataclass(frozen=True)
class Score:
    """A score in percent, with its 95 % bootstrap interval over images where that is known."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """The scores of a run on a split.

    Attributes:
        split: ``val``, ``test``, …
        tta: Whether predictions were averaged over views of the image.
        labels: The label set that it was scored against; None where that is not known.
        mean: mDice.
        classes: Class → Dice, for the classes that have one.
        confusion: Counts of all images, shape (K, K), rows true and columns predicted classes, or None.
        class_names: The K names.
        records: The counts of each image, or None.
        masks: Folder of the predicted masks, ``<stem>.png``, or None.
        source: Where it was read from, in words for a page.
    """

    split: str
    tta: bool
    labels: str | None
    mean: Score | None
    classes: Mapping[str, Score]
    confusion: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    records: Records | None = None
    masks: Path | None = None
    source: str = ''


@dataclass(frozen=True)
class Curve:
    """A scalar over iterations; NaN where it was not finite. Shapes (N,)."""

    iterations: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class RunRecord:
    """One run.

    Attributes:
        name: Its short name; unique among the runs of a comparison.
        place: Its folder, or another address.
        experiment: Name of its config, without ``.py``.
        status: One of ``STATUSES``.
        reason: Why it is not finished, and what could not be read; empty where there is nothing to report.
        seed: Its random seed.
        evaluations: Its scores; at most one of each split, label set and kind.
        curves: ``train/loss``, ``val/mDice``, … → curve.
        hyperparameters: Flat: name → value.
        config: The settings in full, as the config holds them; empty where they are unknown.
        parameters: Numbers in the model.
        gflops: Multiply-adds of one image, in 10⁹.
        input_size: Height and width of that image.
        minutes: Of training.
        images_per_second: In training.
        batch_size: Images of a training step, of one process.
        device: Name of the GPU, or of the processor.
        commit: Of this package, as trained.
        task_id: Of its ClearML task, where one is on a server.
    """

    name: str
    place: str = ''
    experiment: str = ''
    status: str = FINISHED
    reason: str = ''
    seed: int | None = None
    evaluations: tuple[Evaluation, ...] = ()
    curves: Mapping[str, Curve] = field(default_factory=dict)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    gflops: float | None = None
    input_size: tuple[int, int] | None = None
    minutes: float | None = None
    images_per_second: float | None = None
    batch_size: int | None = None
    device: str | None = None
    commit: str | None = None
    task_id: str | None = None

    def renamed(self, name: str) -> RunRecord:
        """Return the same run under another name."""
        return replace(self, name=name)


def read_run_json(path: Path, faults: list[str] | None = None) -> dict[str, Any]:
    """Read an earlier ``run.json``; empty where there is none that can be read.

    Args:
        path: The file.
        faults: Gets a line for all that cannot be read.
    """
    return read_checked(path, RunFile, [] if faults is None else faults)
