"""Scores of a run: from the results of tests, and from its own validations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.evaluation.records import Records, read_records
from mmseg_ext.evaluation.scores import scores_from_confusion
from mmseg_ext.evaluation.summary import summarize
from mmseg_ext.reading import load_json
from mmseg_ext.runs.layout import BEST_VAL_RECORDS, MASKS, METRICS, RECORDS, RECORDS_FOLDER, SCALARS, VAL_RECORDS
from mmseg_ext.runs.record import Evaluation, Score
from mmseg_ext.runs.scalars import DEFAULT_METRIC, best_point, points_of
from mmseg_ext.runs.schema import MetricsFile, ScoreEntry, Scores, checked

SAME_SCORE = 1e-3  # percent: records whose mDice is as close as this to a validation's are its records
DICE = f'val/{DEFAULT_METRIC}'
CLASS_DICE = 'val/Dice/'


def _read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: The file cannot be read or holds something else.
    """
    try:
        content = load_json(path)
    except (OSError, ValueError) as error:
        raise InputError(path.name, f'cannot be read as JSON ({one_line(error)})') from error
    if not isinstance(content, dict):
        raise InputError(path.name, f'holds a {type(content).__name__}, expected an object')
    return content


def read_result(metrics_file: Path, faults: list[str]) -> tuple[Evaluation | None, dict[str, Any]]:
    """Read one ``metrics*.json`` with the records and masks of its folder.

    Args:
        metrics_file: The file.
        faults: Gets a line for each value of another kind than the schema's, which is left out.

    Returns:
        The evaluation, None where the split had no masks to score by; and the rest of the file.

    Raises:
        InputError: The file or its records are damaged.
    """
    raw, folder = _read_object(metrics_file), metrics_file.parent
    content = checked(raw, MetricsFile, f'{folder.name}/{metrics_file.name}', faults)
    if 'scores' not in raw:
        return None, content
    suffix = metrics_file.stem.removeprefix(Path(METRICS).stem)  # metrics_val.json has records_val.parquet
    records_file = folder / RECORDS.replace('.', f'{suffix}.')
    records = read_records(records_file) if records_file.is_file() else None
    whole = metrics_file.name == METRICS  # masks next to metrics_val.json may be of another split
    masks = folder / MASKS if whole and (folder / MASKS).is_dir() else None
    try:
        scores = msgspec.convert(raw['scores'], Scores)
    except msgspec.ValidationError as error:
        raise InputError(f'{folder.name}/{metrics_file.name}', f'has other scores: {one_line(error)}') from error
    mean, classes = _from_scores(scores)
    evaluation = Evaluation(
        split=content.get('split', 'unknown'),
        tta=content.get('tta', False),
        labels=content.get('labels'),
        mean=mean,
        classes=classes,
        confusion=None if records is None else records.confusion.sum(0),
        class_names=() if records is None else records.classes,
        records=records,
        masks=masks,
        source=f'{folder.name}/{metrics_file.name}, {Path(content.get("checkpoint", "")).name}'.rstrip(', '),
    )
    return evaluation, content


def read_validation(
    folder: Path, rows: Sequence[Mapping[str, Any]], best: Mapping[str, Any], labels: str | None
) -> Evaluation | None:
    """Read the scores of a training's best validation; with interval and images where their records were kept.

    Args:
        folder: The work dir.
        rows: Of its ``scalars.json``.
        best: The entry ``best`` of ``run.json``; may be empty.
        labels: The label set of the validations, where known.

    Raises:
        InputError: Records are damaged.
    """
    row = _best_row(rows, best)
    kept = [path for name in (BEST_VAL_RECORDS, VAL_RECORDS) if (path := folder / RECORDS_FOLDER / name).is_file()]
    if row is None and not kept:
        return None
    for path in kept:
        records = read_records(path)
        if row is None or abs(_mean_dice(records) - row[DICE]) < SAME_SCORE:
            mean, classes = _from_scores(msgspec.convert(summarize(records), Scores))
            source = f'{path.relative_to(folder)}' + (f', iteration {row["iter"]}' if row is not None else '')
            confusion = records.confusion.sum(0)
            return Evaluation('val', False, labels, mean, classes, confusion, records.classes, records, None, source)
    if row is None:
        return None
    dice = {
        key.removeprefix(CLASS_DICE): Score(value)
        for key, value in row.items()
        if key.startswith(CLASS_DICE) and value is not None
    }
    source = f'{SCALARS}, iteration {row["iter"]}; for the interval, test its checkpoint'
    return Evaluation('val', False, labels, Score(row[DICE]), dice, source=source)


def _best_row(rows: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the validation that ``run.json`` names, or else that of the greatest mDice."""
    points = points_of(rows, DICE)
    iteration = best.get('iter')
    if iteration not in [point[0] for point in points]:
        found = best_point(points)
        if found is None:
            return None
        iteration = found[0]
    return [row for row in rows if row['iter'] == iteration and row.get(DICE) is not None][-1]


def _mean_dice(records: Records) -> float:
    return 100 * float(np.nan_to_num(scores_from_confusion(records.confusion.sum(0))['mDice'], nan=-1))


def _from_scores(scores: Scores) -> tuple[Score | None, dict[str, Score]]:
    classes = {name: _score(entries.dice) for name, entries in scores.classes.items()}
    return _score(scores.mean_dice), {name: score for name, score in classes.items() if score is not None}


def _score(entry: ScoreEntry) -> Score | None:
    return None if entry.value is None else Score(entry.value, entry.low, entry.high)
