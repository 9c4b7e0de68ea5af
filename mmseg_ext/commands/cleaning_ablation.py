"""What each cleaning rule gains, measured against true masks.

Run: ``mmseg-ext cleaning-ablation DATA --labels labels --truth labels_true``
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import MASK_SUFFIX, list_stems
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.cleaning.clean import clean_mask
from mmseg_ext.eda.cleaning.geometry import GROUND
from mmseg_ext.eda.cleaning.rules import RULES
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track


@dataclass(frozen=True)
class Scores:
    """One mask against the truth, before and after cleaning.

    Attributes:
        dice: Mean Dice (0–1) over the foreground classes that occur in either mask, before and after.
        iou: Intersection over union (0–1) of the foreground as a whole, before and after.
        changed: Pixels that the cleaning changed.
        was_true: The mask equalled the truth.
    """

    dice: tuple[float, float]
    iou: tuple[float, float]
    changed: int
    was_true: bool


def compare(mask: Mask, truth: Mask, ignore_index: int, rules: Sequence[str], limits: Thresholds) -> Scores:
    """Clean a mask and score it; pixels that the truth ignores do not count."""
    cleaned = clean_mask(mask, ignore_index=ignore_index, rules=rules, limits=limits).mask
    counted = truth != ignore_index
    before, after, true = mask[counted], cleaned[counted], truth[counted]
    return Scores(
        (mean_dice(before, true, ignore_index), mean_dice(after, true, ignore_index)),
        (foreground_iou(before, true, ignore_index), foreground_iou(after, true, ignore_index)),
        int(np.count_nonzero(cleaned != mask)),
        bool((mask == truth).all()),
    )


def mean_dice(mask: Mask, truth: Mask, ignore_index: int = 255) -> float:
    """Mean Dice (0–1) over the foreground classes that occur in either mask; 1 if none does."""
    values = [value for value in np.union1d(mask, truth) if value not in (GROUND, ignore_index)]
    scores = []
    for value in values:
        own, true = mask == value, truth == value
        scores.append(2 * np.count_nonzero(own & true) / (np.count_nonzero(own) + np.count_nonzero(true)))
    return float(np.mean(scores)) if scores else 1.0


def foreground_iou(mask: Mask, truth: Mask, ignore_index: int = 255) -> float:
    """Intersection over union (0–1) of all foreground classes together; 1 if there is no foreground."""
    own, true = (mask != GROUND) & (mask != ignore_index), (truth != GROUND) & (truth != ignore_index)
    union = np.count_nonzero(own | true)
    return np.count_nonzero(own & true) / union if union else 1.0


def read_kinds(path: Path) -> dict[str, str]:
    """``<split>/<stem>`` → kind of the planted defect, from a ``defects.json``; empty where there is none."""
    if not path.is_file():
        return {}
    images: Mapping[str, Sequence[Mapping[str, str]]] = json.loads(path.read_text(encoding='utf-8'))['images']
    return {key: '+'.join(defect['kind'] for defect in planted) for key, planted in images.items()}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print a table by rule and, for synthetic data, one by kind of defect."""
    example = 'mmseg-ext cleaning-ablation data/demo --labels labels --truth labels_true'
    parser = ArgumentParser('What each cleaning rule gains, measured against true masks.', example)
    parser.add_argument('data', metavar='DATA', help='data set with dataset.yaml')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='label set to clean (default: labels)')
    parser.add_argument('--truth', metavar='NAME', default='labels_true', help='true masks (default: labels_true)')
    parser.add_argument('--split', default='train', help='which split (default: train)')
    parser.add_argument('--thorough', action='store_true', help='as in tools/clean_masks.py')
    args = parser.parse_args(argv)
    root, limits = Path(args.data), Thresholds().thorough() if args.thorough else Thresholds()
    ignore_index = Classes.read(root).ignore_index
    folders = [root / name / args.split for name in (args.labels, args.truth)]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f'{folder}: no such folder; name a label set and a split of {root}')
    paths, truths = (list_stems(folder, (MASK_SUFFIX,)) for folder in folders)
    pairs = {stem: (read_mask(paths[stem]), read_mask(truths[stem])) for stem in paths if stem in truths}
    if not pairs:
        raise InputError(f'{folders[0]} and {folders[1]}: no mask of the same name in both')
    print('| rules | changed masks | better | worse | mean Dice | mean IoU | pixels changed in true masks |')
    print('| --- | --- | --- | --- | --- | --- | --- |')
    for rules in track([*[[name] for name in RULES], list(RULES)], 'measuring', total=len(RULES) + 1):
        scores = {stem: compare(*pair, ignore_index, rules, limits) for stem, pair in pairs.items()}
        print(_row(rules[0] if len(rules) == 1 else 'all', list(scores.values())))
    kinds = read_kinds(root / 'defects.json')
    for kind in sorted(set(kinds.values())):
        chosen = [score for stem, score in scores.items() if kinds.get(f'{args.split}/{stem}') == kind]
        if chosen:
            print(_row(f'all, on {kind}', chosen))
    return 0


def _row(name: str, scores: Sequence[Scores]) -> str:
    dice, iou = (np.mean([getattr(score, field) for score in scores], axis=0) for field in ('dice', 'iou'))
    gains = [score.iou[1] - score.iou[0] for score in scores]
    cells = [
        name,
        f'{sum(score.changed > 0 for score in scores)} of {len(scores)}',
        str(sum(gain > 0 for gain in gains)),
        str(sum(gain < 0 for gain in gains)),
        f'{dice[0]:.5f} → {dice[1]:.5f}',
        f'{iou[0]:.5f} → {iou[1]:.5f}',
        str(sum(score.changed for score in scores if score.was_true)),
    ]
    return f'| {" | ".join(cells)} |'
