"""Rankings of masks by how probably they are wrong: reading one, and measuring it against corrected masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from mmseg_ext.data import Classes, DataSet, LabelSet, read_mask
from mmseg_ext.eda.agreement import SEVERE_IOU, WRONG_IOU, object_iou
from mmseg_ext.eda.audit import audit_label_set
from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_json

FILE_NAME = 'ranking.json'
AUDIT_ORDER = 'audit findings'


@dataclass(frozen=True)
class Ranking:
    """A ranking of the masks of a split.

    Attributes:
        labels: The label set.
        split: The split.
        rows: Scores and errors of each mask, the most suspicious first.
    """

    labels: str
    split: str
    rows: tuple[dict[str, Any], ...]

    @property
    def stems(self) -> tuple[str, ...]:
        """Stems of the masks, the most suspicious first."""
        return tuple(row['stem'] for row in self.rows)


def read_ranking(folder: str | Path) -> Ranking:
    """Read a ranking from the folder that ``mmseg-ext rank`` wrote.

    Raises:
        InputError: ``ranking.json`` is missing or holds something else.
    """
    path = Path(folder) / FILE_NAME
    try:
        content = load_json(path)
        settings, rows = content['settings'], content['rows']
        if not {'labels', 'split'} <= settings.keys() or not rows or not all('stem' in row for row in rows):
            raise ValueError('settings or rows are incomplete')
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror})', 'give the folder of a ranking') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(path, f'is not a ranking of mmseg-ext rank ({error!r})') from error
    return Ranking(settings['labels'], settings['split'], tuple(rows))


def measure_ranking(ranking: str | Path, root: str | Path, truth: str) -> dict[str, Any]:
    """Measure a ranking by each of its scores, and the order by the number of audit findings.

    Args:
        ranking: Folder that ``mmseg-ext rank`` wrote.
        root: The data set that was ranked.
        truth: The corrected label set.

    Returns:
        Counts of wrong masks, and for each score the measures of `order_quality`.

    Raises:
        InputError: The ranking or a mask cannot be read.
    """
    known, data = read_ranking(ranking), DataSet(root)
    first, second = data.label_set(known.labels), data.label_set(truth)
    iou = {stem: _compare(first, second, known.split, stem, data.classes) for stem in known.stems}
    scores = [name for name, value in known.rows[0].items() if isinstance(value, float)]
    orders = {
        name: [row['stem'] for row in sorted(known.rows, key=lambda row: (row[name], row['stem']))] for name in scores
    }
    audit = audit_label_set(root, known.labels, [known.split])
    findings = Counter(finding.stem for finding in audit.findings if finding.severity != 'info')
    orders[AUDIT_ORDER] = sorted(iou, key=lambda stem: (-findings[stem], stem))
    return {
        'masks': len(iou),
        'wrong': sum(value < WRONG_IOU for value in iou.values()),
        'severe': sum(value < SEVERE_IOU for value in iou.values()),
        'scores': {name: order_quality(order, iou) for name, order in orders.items()},
    }


def _compare(first: LabelSet, second: LabelSet, split: str, stem: str, classes: Classes) -> float:
    """Compute the `object_iou` of an image's masks in two label sets.

    Raises:
        InputError: A mask cannot be read, or they differ in size.
    """
    a, b = (read_mask(labels.path(split, stem)) for labels in (first, second))
    if a.shape != b.shape:
        raise InputError(second.path(split, stem), f'differs in size from {first.folder.name}')
    return object_iou(a, b, classes.background, classes.ignore_index)


def order_quality(order: Sequence[str], iou: Mapping[str, float]) -> dict[str, float | int]:
    """Measure an order of the masks.

    Args:
        order: Stems, the most suspicious first.
        iou: Stem → IoU with the corrected mask.
    """
    wrong = [iou[stem] < WRONG_IOU for stem in order]
    severe = [iou[stem] < SEVERE_IOU for stem in order]
    return {
        'average_precision': round(average_precision(wrong), 4),
        'wrong_in_first_30': sum(wrong[:30]),
        'severe_in_first_12': sum(severe[:12]),
        'severe_in_first_15': sum(severe[:15]),
        'severe_in_first_20': sum(severe[:20]),
    }


def spread_over_rankings(measured: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Compute mean and worst of each measure over several rankings, for the scores that all of them have.

    Args:
        measured: What `measure_ranking` returned for each.

    Returns:
        Score → measure → ``mean`` and ``worst``, the lowest.
    """
    common = [name for name in measured[0]['scores'] if all(name in one['scores'] for one in measured)]
    spread: dict[str, dict[str, dict[str, float]]] = {}
    for name in common:
        spread[name] = {}
        for measure in measured[0]['scores'][name]:
            values = [float(one['scores'][name][measure]) for one in measured]
            spread[name][measure] = {'mean': round(fmean(values), 4), 'worst': min(values)}
    return spread


def average_precision(found: Sequence[bool]) -> float:
    """Compute the average precision of an order, by scikit-learn; NaN where nothing is sought.

    Args:
        found: Whether each item of the order is sought, first place first.

    >>> average_precision([False, True, False, True])
    0.5
    """
    from sklearn.metrics import average_precision_score  # slow to import

    if not any(found):
        return math.nan
    return float(average_precision_score(found, -np.arange(len(found))))
