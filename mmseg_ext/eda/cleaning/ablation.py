"""Ablation of the cleaning rules: what each gains, measured against true masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_ext.data import DataSet, Mask, read_mask
from mmseg_ext.data.classes import IGNORE_INDEX
from mmseg_ext.data.defects import FILE_NAME, read_record
from mmseg_ext.eda.agreement import object_iou
from mmseg_ext.eda.cleaning.clean import DEFAULT_RULES, RULES, clean_mask
from mmseg_ext.eda.cleaning.geometry import BACKGROUND
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track


@dataclass(frozen=True)
class Scores:
    """One mask compared with the truth, before and after cleaning.

    Attributes:
        dice: Mean Dice (0–1) over the foreground classes that occur in either mask, before and after.
        iou: `object_iou` (0–1), before and after.
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
        name: The rule, ``default`` (those of `DEFAULT_RULES`), or ``default, on DEFECT``.
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


@dataclass(frozen=True)
class AblationReport:
    """Result of an ablation.

    Attributes:
        rows: One for each rule, one for the default ones together and, for synthetic data, one for each planted kind of
            defect.
        left_out: One line for each file that cannot be used.
    """

    rows: list[Ablation]
    left_out: list[str]


def ablate_rules(
    root: str | Path,
    labels: str = 'labels',
    truth: str = 'labels_true',
    split: str = 'train',
    limits: Thresholds | None = None,
) -> AblationReport:
    """Measure each cleaning rule alone and the default ones together, for synthetic data also by planted defect.

    Args:
        root: The data set; a ``defects.json`` in it names the planted defects.
        labels: The label set to clean.
        truth: The label set with the true masks. Masks that only one of the two has do not count.
        split: The split.
        limits: When a rule acts.

    Raises:
        InputError: A label set or split cannot be used, or no mask is in both label sets.
    """
    data = DataSet(root)
    limits, ignore_index = limits or Thresholds(), data.classes.ignore_index
    sets = [data.label_set(labels), data.label_set(truth, 'truth')]
    for label_set in sets:
        label_set.splits([split])
    paths, truths = (data.split(split, name).masks() for name in (labels, truth))
    pairs = {stem: (path, truths[stem]) for stem, path in paths.items() if stem in truths}
    if not pairs:
        first, second = (label_set.folder / split for label_set in sets)
        raise InputError(f'{first} and {second}', 'have no mask name in common')
    choices = [*([name] for name in RULES), DEFAULT_RULES]
    scores: list[dict[str, Scores]] = [{} for _ in choices]
    left_out: list[str] = []
    for stem, files in track(pairs.items(), 'measuring', total=len(pairs)):
        try:
            mask, true = (read_mask(file) for file in files)
            if mask.shape != true.shape:
                raise InputError(files[0], f'differs in size from {truth}')
        except InputError as error:
            left_out.append(str(error))
            continue
        for found, rules in zip(scores, choices, strict=True):
            found[stem] = compare(mask, true, ignore_index, rules, limits)
    *_, together = scores
    if not together:
        raise InputError(data.root / labels, f'no mask can be used; the first problem: {left_out[0]}')
    rows = [_summarize(name, list(found.values())) for name, found in zip([*RULES, 'default'], scores, strict=True)]
    kinds = _read_kinds(data.root, left_out)
    for kind in sorted(set(kinds.values())):
        if chosen := [score for stem, score in together.items() if kinds.get(f'{split}/{stem}') == kind]:
            rows.append(_summarize(f'default, on {kind}', chosen))
    return AblationReport(rows, left_out)


def compare(mask: Mask, truth: Mask, ignore_index: int, rules: Sequence[str], limits: Thresholds) -> Scores:
    """Clean a mask and score it; pixels that either mask ignores do not count."""
    cleaned = clean_mask(mask, ignore_index=ignore_index, rules=rules, limits=limits).mask
    before, after = (
        (mean_dice(one, truth, ignore_index), object_iou(one, truth, BACKGROUND, ignore_index))
        for one in (mask, cleaned)
    )
    return Scores(
        (before[0], after[0]),
        (before[1], after[1]),
        int(np.count_nonzero(cleaned != mask)),
        bool((mask == truth).all()),
    )


def mean_dice(mask: Mask, truth: Mask, ignore_index: int = IGNORE_INDEX) -> float:
    """Average the Dice (0–1) of the foreground classes that occur in either mask; 1 if none does.

    Pixels that either mask ignores are left out.

    >>> mean_dice(np.array([[0, 1, 1, 2]], np.uint8), np.array([[0, 1, 2, 2]], np.uint8))
    0.6666666666666666
    """
    known = (mask != ignore_index) & (truth != ignore_index)
    mask, truth = mask[known], truth[known]
    scores = []
    for value in np.union1d(mask, truth):
        if value != BACKGROUND:
            own, true = mask == value, truth == value
            scores.append(2 * np.count_nonzero(own & true) / (np.count_nonzero(own) + np.count_nonzero(true)))
    return float(np.mean(scores)) if scores else 1.0


def _read_kinds(root: Path, left_out: list[str]) -> dict[str, str]:
    """Read ``<split>/<stem>`` → kind of the planted defect; empty where nothing is planted."""
    if not (root / FILE_NAME).is_file():
        return {}
    try:
        images = read_record(root)['images']
    except InputError as error:
        left_out.append(str(error))
        return {}
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
