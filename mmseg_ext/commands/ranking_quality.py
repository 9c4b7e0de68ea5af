"""How well a label ranking finds wrong masks, measured against a corrected label set.

Run: ``mmseg-ext ranking-quality RANKING DATA --truth labels_fixed --out label_quality.json``
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.audit.run import audit
from mmseg_ext.eda.quality.suggestions import read_ranking, read_ranking_rows
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_json

WRONG, SEVERE = 0.8, 0.5  # IoU of the objects with the corrected mask, below which a mask counts as wrong
GEOMETRY = 'audit findings'


def average_precision(found: Sequence[bool]) -> float:
    """The mean, over the sought items, of the precision at the place of each.

    Args:
        found: Whether each item of a ranking is sought, first place first.

    Returns:
        0–1; NaN where nothing is sought.
    """
    hits = np.asarray(found, bool)
    if not hits.any():
        return float('nan')
    places = np.flatnonzero(hits)
    return float((np.arange(1, len(places) + 1) / (places + 1)).mean())


def object_iou(root: Path, first: str, second: str, split: str, stem: str) -> float:
    """IoU of "any object" of two masks of one image; 1 where both are empty."""
    a, b = (read_mask(root / labels / split / f'{stem}.png') > 0 for labels in (first, second))
    if a.shape != b.shape:
        raise InputError(f'{root / second / split / stem}.png: has another size than in {first}')
    union = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / union if union else 1.0


def order_quality(order: Sequence[str], iou: Mapping[str, float]) -> dict[str, float | int]:
    """Measures of one order of the masks, the most suspicious first.

    Args:
        order: Stems.
        iou: Stem → IoU with the corrected mask.
    """
    wrong = [iou[stem] < WRONG for stem in order]
    severe = [iou[stem] < SEVERE for stem in order]
    return {
        'average_precision': round(average_precision(wrong), 4),
        'wrong_in_first_30': sum(wrong[:30]),
        'severe_in_first_15': sum(severe[:15]),
        'severe_in_first_20': sum(severe[:20]),
    }


def ranking_quality(ranking: str | Path, root: str | Path, truth: str) -> dict[str, Any]:
    """Measure a ranking by each of its scores, and the audit's findings beside it.

    Args:
        ranking: Folder that ``tools/rank_labels.py`` wrote.
        root: The data set that was ranked.
        truth: The corrected label set.

    Returns:
        Counts of wrong masks, and for each score the measures of `order_quality`.

    Raises:
        InputError: The ranking or a mask cannot be read.
    """
    known, rows, root = read_ranking(ranking), read_ranking_rows(ranking), Path(root)
    iou = {row['stem']: object_iou(root, known.labels, truth, known.split, row['stem']) for row in rows}
    scores = [name for name, value in rows[0].items() if isinstance(value, float)]
    orders = {name: [row['stem'] for row in sorted(rows, key=lambda row: (row[name], row['stem']))] for name in scores}
    findings = Counter(f.stem for f in audit(root, known.labels, [known.split]).findings if f.severity != 'info')
    orders[GEOMETRY] = sorted(iou, key=lambda stem: (-findings[stem], stem))
    return {
        'masks': len(rows),
        'wrong': sum(value < WRONG for value in iou.values()),
        'severe': sum(value < SEVERE for value in iou.values()),
        'scores': {name: order_quality(order, iou) for name, order in orders.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print, write."""
    parser = ArgumentParser(
        'Measure how well a label ranking finds the masks that a person has corrected.',
        'mmseg-ext ranking-quality work_dirs/ranking data/pets --truth labels_fixed',
    )
    parser.add_argument('ranking', help='folder that tools/rank_labels.py wrote')
    parser.add_argument('data', help='data set that was ranked')
    parser.add_argument('--truth', metavar='NAME', required=True, help='corrected label set')
    parser.add_argument('--out', metavar='FILE', help='write the measures as JSON')
    args = parser.parse_args(argv)
    quality = ranking_quality(args.ranking, args.data, args.truth)
    print(
        f'{quality["masks"]} masks, {quality["wrong"]} wrong (IoU < {WRONG}), {quality["severe"]} severe (< {SEVERE})'
    )
    for name, measures in quality['scores'].items():
        print(f'{name:24}' + ', '.join(f'{key} {value}' for key, value in measures.items()))
    if args.out:
        write_json(args.out, quality)
    return 0
