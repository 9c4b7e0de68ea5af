"""The experiments of a project: what each changed, what it reached, and whether that says anything.

They are listed in a YAML file, in the order in which they are told::

    metric: mDice
    experiments:
      - config: configs/pets/NAME.py
        against: configs/pets/OTHER.py          # the experiment that it changes
        reference: {val: 81.88, test: 80.1}     # what somebody else states, percent
        note: One sentence on how it was run.

A result is a folder ``<results>/<config name>`` with ``metrics_val.json`` (the ``metrics.json`` of ``tools/test.py``),
``records_val.parquet`` and the predicted test masks.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.bootstrap import paired_bootstrap
from mmseg_ext.evaluation.records import Records, read_records
from mmseg_ext.files import read_json

METRICS, RECORDS = 'metrics_val.json', 'records_val.parquet'
KEYS = frozenset({'config', 'against', 'reference', 'note'})
HYPOTHESIS = re.compile(r'^Hypothesis:\s*(.+?)(?:\n\s*\n|\nReference figure|\nRun:|\Z)', re.S | re.M)


@dataclass(frozen=True)
class Difference:
    """One experiment minus another on the same images, in points of percent.

    Attributes:
        value: The difference.
        low: Lower end of its 95 % paired bootstrap interval over images.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, or ``open`` where the interval holds zero."""
        return 'better' if self.low > 0 else 'worse' if self.high < 0 else 'open'


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: Of its config.
        config: Path of its config.
        hypothesis: As its config states it.
        against: Name of the experiment that it changes.
        reference: What somebody else states for it, percent; keys ``val`` and ``test``.
        note: How it was run.
        metrics: ``metrics_val.json``; empty where it was not run.
        records: The counts of each val image, where they are kept.
        test_masks: How many predicted test masks are kept.
        changes: Hyperparameter → (in ``against``, here).
        difference: Against ``against``, where both have records of the same images.
    """

    name: str
    config: str
    hypothesis: str
    against: str | None = None
    reference: Mapping[str, float] = field(default_factory=dict)
    note: str = ''
    metrics: Mapping[str, Any] = field(default_factory=dict)
    records: Records | None = None
    test_masks: int = 0
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    difference: Difference | None = None

    @property
    def was_run(self) -> bool:
        """Whether there is a result."""
        return bool(self.metrics)

    def score(self, name: str = 'mDice') -> dict[str, float]:
        """``value``, ``low`` and ``high`` of a score, percent.

        Raises:
            InputError: The result has no such score.
        """
        try:
            return dict(self.metrics['scores'][name])
        except (KeyError, TypeError) as error:
            raise InputError(
                f'{self.name}/{METRICS}: holds no score {name}; write it anew with tools/test.py'
            ) from error


def read_experiments(path: str | Path, results: str | Path, root: str | Path = '.') -> list[Experiment]:
    """Read the list and everything that is known of its experiments.

    Args:
        path: The YAML file.
        results: Folder of the results.
        root: What the configs' paths are relative to.

    Raises:
        InputError: The list, a config or a result cannot be read, or an experiment names one that is not listed.
    """
    path, results, root = Path(path), Path(results), Path(root)
    content = read_yaml(path)
    rows = content.get('experiments')
    if not isinstance(rows, list) or not rows:
        raise InputError(f'{path}: lists no experiments')
    metric = content.get('metric', 'mDice')
    found: dict[str, Experiment] = {}
    for row in rows:
        one = _read_one(path, row, results, root)
        if one.name in found:
            raise InputError(f'{path}: {row["config"]} is listed twice')
        if one.against is not None:
            if one.against not in found:
                raise InputError(
                    f'{path}: {row["config"]} stands against {row["against"]}, which is not listed above it'
                )
            one = _compare(one, found[one.against], root, metric)
        found[one.name] = one
    return list(found.values())


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        InputError: It does not, or cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror or error})') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: is no YAML ({" ".join(str(error).split())})') from error
    if not isinstance(content, dict):
        raise InputError(f'{path}: must hold a mapping with "experiments"')
    return content


def _read_one(path: Path, row: Any, results: Path, root: Path) -> Experiment:
    if not isinstance(row, dict) or not isinstance(row.get('config'), str):
        raise InputError(f'{path}: every experiment needs a config, got {row!r}')
    unknown = sorted(set(row) - KEYS)
    if unknown:
        raise InputError(f'{path}: {row["config"]} has an unknown key {unknown[0]}; known: {", ".join(sorted(KEYS))}')
    name = Path(row['config']).stem
    folder = results / name
    return Experiment(
        name=name,
        config=row['config'],
        hypothesis=read_hypothesis(root / row['config']),
        against=Path(row['against']).stem if row.get('against') else None,
        reference=dict(row.get('reference') or {}),
        note=' '.join(str(row.get('note') or '').split()),
        metrics=read_json(folder / METRICS) if (folder / METRICS).is_file() else {},
        records=read_records(folder / RECORDS) if (folder / RECORDS).is_file() else None,
        test_masks=len(list(folder.glob('*.png'))),
    )


def read_hypothesis(config: str | Path) -> str:
    """The paragraph after "Hypothesis:" in the docstring of a config, in one line.

    Raises:
        InputError: There is no such file or paragraph.
    """
    try:
        text = ast.get_docstring(ast.parse(Path(config).read_text(encoding='utf-8'))) or ''
    except OSError as error:
        raise InputError(f'{config}: cannot be read ({error.strerror or error})') from error
    except SyntaxError as error:
        raise InputError(f'{config}: cannot be read ({error.msg}, line {error.lineno})') from error
    match = HYPOTHESIS.search(text)
    if match is None:
        raise InputError(f'{config}: its docstring states no "Hypothesis:"')
    words = ' '.join(match[1].split())
    return words[:1].upper() + words[1:]


def _compare(one: Experiment, other: Experiment, root: Path, metric: str) -> Experiment:
    before, after = (_hyperparameters(root / experiment.config) for experiment in (other, one))
    changes = {
        key: (before.get(key, 'none'), after.get(key, 'none'))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, 'none') != after.get(key, 'none')
    }
    return replace(one, changes=changes, difference=difference(one, other, metric))


def _hyperparameters(config: Path) -> dict[str, Any]:
    from mmengine.config import Config
    from mmengine.logging import MMLogger

    from mmseg_ext.runs.hyperparameters import hyperparameters

    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')  # it announces every environment variable that a config reads
    try:
        return dict(hyperparameters(Config.fromfile(config)))
    finally:
        logger.setLevel(level)


def difference(one: Experiment, other: Experiment, metric: str = 'mDice') -> Difference | None:
    """How much better one experiment is than another on the images of val; None where a result is missing.

    Raises:
        InputError: The records are not of the same images.
    """
    if one.records is None or other.records is None:
        return None
    mine, theirs = _by_stem(one.records), _by_stem(other.records)
    if mine.keys() != theirs.keys() or one.records.classes != other.records.classes:
        raise InputError(f'{one.name} and {other.name}: {RECORDS} are not of the same images and classes')
    counts = [np.stack([table[stem] for stem in sorted(mine)]) for table in (theirs, mine)]
    value, low, high = (100 * part for part in paired_bootstrap(counts[0], counts[1], score=metric))
    return Difference(value, low, high)


def _by_stem(records: Records) -> dict[str, Any]:
    return dict(zip(records.stems, records.confusion, strict=True))


def best_experiment(experiments: Sequence[Experiment], metric: str = 'mDice') -> Experiment | None:
    """The experiment with the highest score on val; None where none was run."""
    run = [one for one in experiments if one.was_run]
    return max(run, key=lambda one: one.score(metric)['value'], default=None)
