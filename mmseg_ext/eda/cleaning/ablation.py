"""Ablation of the cleaning rules: what each gains, measured against true masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_ext.data import DataSet, Mask, read_mask
from mmseg_ext.eda.cleaning.clean import RULES, clean_mask
from mmseg_ext.eda.cleaning.geometry import BACKGROUND
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.errors import InputError
from mmseg_ext.files import read_json
from mmseg_ext.progress import track

DEFECTS = 'defects.json'


@dataclass(frozen=True)
class Scores:
    """One mask compared with the truth, before and after cleaning.

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


@dataclass(frozen=True)
class Ablation:
    """Effect of some rules on a set of masks.

    Attributes:
        name: The rule, ``all``, or ``all, on DEFECT``.
        masks: Number of masks.
        changed: Number of masks changed.
        better: Number of masks whose IoU rose.
        worse: Number of masks whose IoU fell.
        dice: Mean Dice (0–1), before and after.
        iou: Mean IoU (0–1), before and after.
        true_pixels_changed: Pixels changed in masks that equalled the truth.
    """

    name: str
    masks: int
    changed: int
    better: int
    worse: int
    dice: tuple[float, float]
    iou: tuple[float, float]
    true_pixels_changed: int


def ablate_rules(
    root: str | Path,
    labels: str = 'labels',
    truth: str = 'labels_true',
    split: str = 'train',
    limits: Thresholds | None = None,
) -> Iterator[Ablation]:
    """Measure each cleaning rule alone, all together and, for synthetic data, all by kind of planted defect.

    Args:
        root: The data set; a ``defects.json`` in it names the planted defects.
        labels: The label set to clean.
        truth: The label set with the true masks. Masks that only one of the two has do not count.
        split: The split.
        limits: When a rule acts.

    Returns:
        One ablation after the other, as soon as it is measured.

    Raises:
        InputError: A label set, split or mask cannot be used, or no mask is in both label sets.
    """
    data = DataSet(root)
    limits, ignore_index = limits or Thresholds(), data.classes.ignore_index
    sets = [data.label_set(labels), data.label_set(truth, 'truth')]
    for label_set in sets:
        label_set.splits([split])
    paths, truths = (data.split(split, name).masks() for name in (labels, truth))
    pairs = {stem: (read_mask(paths[stem]), read_mask(truths[stem])) for stem in paths if stem in truths}
    if not pairs:
        first, second = (label_set.folder / split for label_set in sets)
        raise InputError(f'{first} and {second}', 'no mask of the same name in both')
    return _ablate(pairs, read_defects(data.root / DEFECTS), split, ignore_index, limits)


def _ablate(
    pairs: Mapping[str, tuple[Mask, Mask]], kinds: Mapping[str, str], split: str, ignore_index: int, limits: Thresholds
) -> Iterator[Ablation]:
    """Measure the rules on pairs of a mask and its truth, by stem."""
    scores: dict[str, Scores] = {}
    for rules in track([*[[name] for name in RULES], list(RULES)], 'measuring', total=len(RULES) + 1):
        scores = {stem: compare(*pair, ignore_index, rules, limits) for stem, pair in pairs.items()}
        yield _summarize(rules[0] if len(rules) == 1 else 'all', list(scores.values()))
    for kind in sorted(set(kinds.values())):
        chosen = [score for stem, score in scores.items() if kinds.get(f'{split}/{stem}') == kind]
        if chosen:
            yield _summarize(f'all, on {kind}', chosen)


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
    """Average the Dice (0–1) of the foreground classes that occur in either mask; 1 if none does.

    >>> mean_dice(np.array([[0, 1, 1, 2]], np.uint8), np.array([[0, 1, 2, 2]], np.uint8))
    0.6666666666666666
    """
    values = [value for value in np.union1d(mask, truth) if value not in (BACKGROUND, ignore_index)]
    scores = []
    for value in values:
        own, true = mask == value, truth == value
        scores.append(2 * np.count_nonzero(own & true) / (np.count_nonzero(own) + np.count_nonzero(true)))
    return float(np.mean(scores)) if scores else 1.0


def foreground_iou(mask: Mask, truth: Mask, ignore_index: int = 255) -> float:
    """Compute the IoU (0–1) of all foreground classes together; 1 if there is no foreground."""
    own, true = (mask != BACKGROUND) & (mask != ignore_index), (truth != BACKGROUND) & (truth != ignore_index)
    union = np.count_nonzero(own | true)
    return np.count_nonzero(own & true) / union if union else 1.0


def read_defects(path: Path) -> dict[str, str]:
    """Read ``<split>/<stem>`` → kind of the planted defect from a ``defects.json``; empty where there is none."""
    if not path.is_file():
        return {}
    images: Mapping[str, Sequence[Mapping[str, str]]] = read_json(path)['images']
    return {key: '+'.join(defect['kind'] for defect in planted) for key, planted in images.items()}


def _summarize(name: str, scores: Sequence[Scores]) -> Ablation:
    gains = [score.iou[1] - score.iou[0] for score in scores]
    dice, iou = (np.mean([getattr(score, field) for score in scores], axis=0).tolist() for field in ('dice', 'iou'))
    return Ablation(
        name=name,
        masks=len(scores),
        changed=sum(score.changed > 0 for score in scores),
        better=sum(gain > 0 for gain in gains),
        worse=sum(gain < 0 for gain in gains),
        dice=(dice[0], dice[1]),
        iou=(iou[0], iou[1]),
        true_pixels_changed=sum(score.changed for score in scores if score.was_true),
    )
