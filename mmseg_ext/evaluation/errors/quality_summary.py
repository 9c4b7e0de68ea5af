"""The parts of an error analysis that judge borders, confidence and the truth, as numbers for a file."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mmseg_ext.evaluation.bootstrap import bootstrap_intervals
from mmseg_ext.evaluation.errors.analyze import Analysis
from mmseg_ext.evaluation.errors.boundary import WIDTHS
from mmseg_ext.evaluation.errors.calibration import (
    caught_by_confidence,
    expected_calibration_error,
    rank_correlation,
)
from mmseg_ext.evaluation.errors.correction import Correction
from mmseg_ext.evaluation.errors.estimate import Estimate, ratio_estimate
from mmseg_ext.evaluation.errors.label_suspects import SUSPECT_BELOW
from mmseg_ext.evaluation.scores import scores_from_confusion

Summary = dict[str, Any]
WORST = 0.1  # which part of the images are the worst cases


def summarize_borders(analysis: Analysis) -> Summary:
    """The entry ``borders``."""
    fits = [image.borders for image in analysis.images]
    names = analysis.result.classes.names
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}
    boundary = np.stack([fit.boundary for fit in fits])
    hd95, nsd = np.stack([fit.hd95 for fit in fits]), np.stack([fit.nsd for fit in fits])
    classes = {}
    for index in analysis.object_classes:
        both, either = hd95[:, index][~np.isnan(hd95[:, index])], nsd[:, index][~np.isnan(nsd[:, index])]
        classes[names[index]] = {
            'boundary_iou': ratio_estimate(100 * boundary[:, index, 0], boundary[:, index, 1], **options).as_dict(),
            'nsd': ratio_estimate(100 * either, np.ones(len(either)), **options).as_dict(),
            'hd95_median': number(np.median(both)) if len(both) else None,
            'hd95_mean': number(np.mean(both)) if len(both) else None,
            'images': len(either),
            'images_with_both': len(both),
        }
    return {'tolerance': analysis.band, 'classes': classes, 'trimap': _trimap(analysis)}


def _trimap(analysis: Analysis) -> list[Summary]:
    tables = np.stack([image.borders.trimap for image in analysis.images])
    wrong = max(1, sum(image.wrong for image in analysis.images))
    rows = []
    for place, width in enumerate(WIDTHS):
        table = tables[:, place]
        value = scores_from_confusion(table.sum(0))['mDice']
        low, high = bootstrap_intervals(table, resamples=analysis.settings.resamples)['mDice']
        pixels, right = int(table.sum()), int(np.trace(table.sum(0)))
        rows.append({
            'width': width,
            'mDice': Estimate(*(100 * float(one) for one in (value, low, high))).as_dict(),
            'pixels': number(100 * pixels / max(1, int(analysis.confusion.sum()))),
            'errors': number(100 * (pixels - right) / wrong),
        })  # fmt: skip
    return rows


def summarize_calibration(analysis: Analysis) -> Summary | None:
    """The entry ``calibration``; None without probabilities."""
    histograms = [image.histogram for image in analysis.images if image.histogram is not None]
    if len(histograms) < len(analysis.images):
        return None
    table = np.stack(histograms)
    if not table[..., 0].any():
        return None
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}
    confidence = np.array([image.confidence for image in analysis.images])
    quality = np.array([image.dice for image in analysis.images])
    total = table.sum(axis=0)
    return {
        'ece': in_percent(expected_calibration_error(table, **options)).as_dict(),
        'mean_confidence': number(100 * total[:, 1].sum() / total[:, 0].sum()),
        'accuracy': number(100 * total[:, 2].sum() / total[:, 0].sum()),
        'rank_correlation': rank_correlation(confidence, quality, **options).as_dict(),
        'worst': WORST,
        'caught': number(100 * caught_by_confidence(confidence, quality, WORST)),
        'bins': [
            {
                'pixels': int(pixels),
                'confidence': number(100 * chance / pixels) if pixels else None,
                'accuracy': number(100 * right / pixels) if pixels else None,
            }
            for pixels, chance, right in total
        ],
    }


def summarize_suspects(analysis: Analysis, correction: Correction | None) -> Summary | None:
    """The entry ``label_suspects``; None without probabilities or ground."""
    if any(image.suspicion is None for image in analysis.images):
        return None
    suspects = [image for image in analysis.images if image.suspicion is not None and image.suspicion.is_suspect]
    stems = {image.stem for image in suspects}
    worst = sorted(analysis.images, key=lambda image: image.dice)[: max(1, round(WORST * len(analysis.images)))]
    total = sum(image.wrong for image in analysis.images)
    return {
        'rule': f'corroborated agreement below {SUSPECT_BELOW}',
        'worst_cases': len(worst),
        'worst_suspected': sum(image.stem in stems for image in worst),
        'wrong_pixels': number(100 * sum(image.wrong for image in suspects) / max(1, total)),
        'corrected': None if correction is None else _correction(correction, stems),
        'found': [
            {
                'stem': image.stem,
                'kind': image.suspicion.kind,
                'agreement': number(image.suspicion.agreement),
                'object_dice': number(100 * image.dice),
                'corrected_agreement': None if correction is None else number(correction.agreement[image.stem]),
            }
            for image in sorted(suspects, key=lambda image: image.dice)
            if image.suspicion is not None
        ],
    }


def _correction(correction: Correction, suspected: set[str]) -> Summary:
    changed = {stem for stem, iou in correction.agreement.items() if iou < SUSPECT_BELOW}
    return {
        'labels': correction.labels,
        'changed': len(changed),
        'confirmed': len(changed & suspected),
        'mDice': number(100 * float(scores_from_confusion(correction.confusion.sum(0))['mDice'])),
    }


def in_percent(estimate: Estimate) -> Estimate:
    """An estimate in percent."""
    return Estimate(100 * estimate.value, 100 * estimate.low, 100 * estimate.high)


def number(value: Any) -> float | None:
    """Rounded to six decimals; None for NaN."""
    return None if math.isnan(value) else round(float(value), 6)
