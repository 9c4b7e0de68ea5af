"""Schema of the files of a run, and reading by it: a value of another kind costs only itself.

Why msgspec: docs/adr/0016-msgspec-for-files-read-back.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypedDict, get_type_hints

import msgspec

from mmseg_ext.errors import one_line
from mmseg_ext.reading import load_json

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100.001)]
Text = Annotated[str, msgspec.Meta(max_length=10_000)]
MAX_SETTING_CHARACTERS = 500


class Process(TypedDict, total=False):
    """The process that a run belongs to."""

    id: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    host: str


class Iterations(TypedDict, total=False):
    """How far a run is."""

    done: Count
    planned: Count


class Best(TypedDict):
    """The best validation."""

    metric: Text
    value: float
    iter: Count


class Fold(TypedDict):
    """The fold that a run left out."""

    fold: Count
    of: Count
    seed: int
    held_out: NotRequired[list[Text]]


class DataSource(TypedDict, total=False):
    """A data set that a run has read; its fingerprint is null where it could not be taken."""

    fingerprint: Text | None


class RunFile(TypedDict, total=False):
    """What is read back of ``run.json``; `mmseg_ext.engine.hooks.RunRecordHook` writes it."""

    status: Text
    reason: Text
    started: Text
    updated: Text
    config: Text
    seed: int
    fold: Fold
    hyperparameters: dict[str, Any]
    data: dict[str, list[DataSource]]
    best: Best
    iterations: Iterations
    process: Process
    parameters: Count
    gflops: Amount
    input_size: tuple[Count, Count]
    minutes: Amount
    images_per_second: Amount
    batch_size: Count
    device: Text
    processor: Text
    commit: Text


class EnvironmentFile(TypedDict, total=False):
    """What is read back of ``environment.json``."""

    commit: Text
    processor: Text
    gpus: list[Text]


class ClearMLFile(TypedDict, total=False):
    """What is read back of ``clearml.json``."""

    task_id: Text
    mode: Text


class MetricsFile(TypedDict, total=False):
    """What is read back of ``metrics.json`` besides its scores."""

    split: Text
    tta: bool
    labels: Text
    config: Text
    checkpoint: Text
    environment: dict[str, Any]


class ScoreEntry(msgspec.Struct):
    """A score in percent with its interval; null where it does not exist."""

    value: Percent | None
    low: Percent | None = None
    high: Percent | None = None


class ClassScores(msgspec.Struct):
    """The scores of a class that are shown."""

    dice: ScoreEntry = msgspec.field(name='Dice')


class Scores(msgspec.Struct):
    """What is read back of the scores in a ``metrics.json``."""

    classes: dict[str, ClassScores]
    mean_dice: ScoreEntry = msgspec.field(name='mDice')


def checked(content: Mapping[str, Any], schema: type, name: str, faults: list[str]) -> dict[str, Any]:
    """Take from a JSON object the values that a schema knows; null counts as missing.

    Args:
        content: The object.
        schema: A ``TypedDict``.
        name: Name of the file, for the faults.
        faults: Gets a line for each value of another kind, which is left out.

    >>> faults = []
    >>> checked({'minutes': 'x', 'seed': 3, 'more': 1}, RunFile, 'run.json', faults)
    {'seed': 3}
    >>> faults
    ['run.json: minutes is left out (Expected `float`, got `str`)']
    """
    known: dict[str, Any] = {}
    for key, kind in get_type_hints(schema, include_extras=True).items():
        if content.get(key) is None:
            continue
        try:
            known[key] = msgspec.convert(content[key], kind)
        except msgspec.ValidationError as error:
            faults.append(f'{name}: {key} is left out ({one_line(error)})')
    return known


def read_checked(path: Path, schema: type, faults: list[str]) -> dict[str, Any]:
    """Read a file of a run by its schema: empty where there is none, or none that can be read.

    Args:
        path: The file.
        schema: A ``TypedDict``.
        faults: Gets a line for all that cannot be read.
    """
    if not path.is_file():
        return {}
    try:
        content = load_json(path)
    except (OSError, ValueError) as error:
        faults.append(f'{path.name}: cannot be read as JSON ({one_line(error)})')
        return {}
    if not isinstance(content, dict):
        faults.append(f'{path.name}: holds a {type(content).__name__}, expected an object')
        return {}
    return checked(content, schema, path.name, faults)


def as_setting(value: Any) -> Any:
    """Return a hyperparameter as a number, short text or None.

    >>> as_setting([1, 2]), as_setting(0.5), as_setting(float('nan'))
    ('[1, 2]', 0.5, 'nan')
    """
    if value is None or (isinstance(value, int | float) and abs(value) <= sys.float_info.max):
        return value
    return one_line(value)[:MAX_SETTING_CHARACTERS]
