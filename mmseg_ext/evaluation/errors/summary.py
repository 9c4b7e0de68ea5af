"""Content of ``errors.json``: an error analysis as numbers. ``docs/error-analysis.md`` describes the keys.

Scores, shares and differences are in percent or percentage points, distances in pixels; correlations and p-values are
fractions. ``{"value", "low", "high"}`` is a number with its 95 % bootstrap interval over images. None means
undefined.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.bootstrap import Estimate, bootstrap_intervals, ratio_estimate
from mmseg_ext.evaluation.errors.analysis import Analysis, object_dice
from mmseg_ext.evaluation.errors.boundary import TRIMAP_WIDTHS_PX
from mmseg_ext.evaluation.errors.calibration import caught_by_confidence, expected_calibration_error, rank_correlation
from mmseg_ext.evaluation.errors.causes import CAUSES
from mmseg_ext.evaluation.errors.label_suspects import SUSPECT_BELOW, Correction
from mmseg_ext.evaluation.errors.objects import PREDICTED_OUTCOMES, TRUE_OUTCOMES, object_scores
from mmseg_ext.evaluation.errors.slices import Slice, SliceScore
from mmseg_ext.evaluation.scores import scores_from_confusion

Summary = dict[str, Any]
WORST_SHARE = 0.1  # of the images, which count as the worst cases


def summarize_errors(analysis: Analysis, command: Iterable[str] = (), correction: Correction | None = None) -> Summary:
    """Convert an analysis to the content of ``errors.json``.

    Args:
        analysis: The analysis.
        command: The command line that made it.
        correction: Corrected masks, to check the suspected masks against.
    """
    return {
        'command': list(command),
        'result': _result(analysis),
        'settings': _settings(analysis),
        'scores': _scores(analysis),
        'causes': _causes(analysis),
        'slices': [_slice(analysis, piece, score) for piece, score in analysis.slices],
        'worst_slices': _worst(analysis),
        'objects': _objects(analysis),
        'borders': _borders(analysis),
        'calibration': _calibration(analysis),
        'label_suspects': _suspects(analysis, correction),
        'images': _images(analysis),
    }


def _result(analysis: Analysis) -> Summary:
    metrics = analysis.result.metrics
    environment = metrics.get('environment') or {}
    return {
        'folder': str(analysis.result.folder),
        **{key: metrics.get(key) for key in ('config', 'checkpoint', 'split', 'labels', 'tta')},
        'commit': environment.get('commit'),
        'command': environment.get('command'),
        'images': len(analysis.images),
        'objects': len(analysis.samples),
        'classes': list(analysis.result.classes.names),
        'probabilities': analysis.result.has_probabilities,
    }


def _settings(analysis: Analysis) -> Summary:
    settings, names = analysis.settings, analysis.result.classes.names
    return {
        'background': None if settings.background is None else names[settings.background],
        'band': analysis.band,
        'radius': analysis.radius,
        'found': settings.causes.min_found,
        'own': settings.causes.min_own,
        'resamples': settings.resamples,
        'permutations': settings.permutations,
        'seed': settings.seed,
    }


def _scores(analysis: Analysis) -> Summary:
    total = analysis.confusion.sum(0)
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}
    low, high = bootstrap_intervals(analysis.confusion, **options)['mDice']
    mean = Estimate(float(scores_from_confusion(total)['mDice']), float(low), float(high))
    return {
        'mDice': mean.in_percent().as_dict(),
        'object_dice': round(100 * object_dice(total, analysis.settings.background), 6),
        'pixels': int(total.sum()),
        'wrong_pixels': sum(image.wrong for image in analysis.images),
    }


def _causes(analysis: Analysis) -> list[Summary]:
    return [
        {
            'cause': name,
            'pixels': repair.pixels,
            'images': repair.images,
            'share': repair.share.as_dict(),
            'gain': repair.gain.as_dict(),
        }
        for name, repair in zip(CAUSES, analysis.repairs, strict=True)
    ]


def _slice(analysis: Analysis, piece: Slice, score: SliceScore) -> Summary:
    names = analysis.result.classes.names
    return {
        'feature': piece.feature,
        'name': piece.name,
        'limits': piece.limits,
        'objects': score.objects,
        'images': score.images,
        'object_dice': score.dice.as_dict(),
        'gap': score.gap.as_dict(),
        'relative': score.relative.as_dict(),
        'class_dice': {names[index]: _number(score.class_dice[index]) for index in analysis.object_classes},
    }


def _worst(analysis: Analysis) -> Summary:
    search = analysis.search
    return {
        'tried': search.tried,
        'least': search.min_objects,
        'found': [
            {**_slice(analysis, worst.slice, score), 'statistic': _number(worst.statistic), 'p': _number(worst.p)}
            for worst, score in zip(search.worst, analysis.worst, strict=True)
        ],
    }


def _objects(analysis: Analysis) -> Summary:
    matches = [image.objects for image in analysis.images]
    names = analysis.result.classes.names
    counts = np.stack([match.counts for match in matches])
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}

    def scored(table: NDArray[np.float64]) -> Summary:
        return {name: score.in_percent().as_dict() for name, score in object_scores(table, **options).items()}

    true, predicted = (np.sum([getattr(match, side) for match in matches], axis=0) for side in ('true', 'predicted'))
    confused: Counter[tuple[int, int]] = Counter()
    for match in matches:
        confused.update(match.confused)
    several = [int(match.true.sum()) > 1 for match in matches]
    return {
        'classes': {
            names[index]: {
                **scored(counts[:, index]),
                'true': dict(zip(TRUE_OUTCOMES, map(int, true[index]), strict=True)),
                'predicted': dict(zip(PREDICTED_OUTCOMES, map(int, predicted[index]), strict=True)),
            }
            for index in analysis.object_classes
        },
        'all': scored(counts.sum(axis=1)),
        'confused': [
            {'true': names[a], 'predicted': names[b], 'objects': count} for (a, b), count in confused.most_common()
        ],
        'several': sum(several),
        'second_missed': sum(match.second_missed for match in matches),
    }


def _borders(analysis: Analysis) -> Summary:
    scores = [image.boundaries for image in analysis.images]
    names = analysis.result.classes.names
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}
    boundary = np.stack([score.boundary for score in scores])
    hd95, nsd = np.stack([score.hd95 for score in scores]), np.stack([score.nsd for score in scores])
    classes = {}
    for index in analysis.object_classes:
        both, either = hd95[:, index][~np.isnan(hd95[:, index])], nsd[:, index][~np.isnan(nsd[:, index])]
        classes[names[index]] = {
            'boundary_iou': ratio_estimate(100 * boundary[:, index, 0], boundary[:, index, 1], **options).as_dict(),
            'nsd': ratio_estimate(100 * either, np.ones(len(either)), **options).as_dict(),
            'hd95_median': _number(np.median(both)) if len(both) else None,
            'hd95_mean': _number(np.mean(both)) if len(both) else None,
            'images': len(either),
            'images_with_both': len(both),
        }
    return {'tolerance': analysis.band, 'classes': classes, 'trimap': _trimap(analysis)}


def _trimap(analysis: Analysis) -> list[Summary]:
    tables = np.stack([image.boundaries.trimap for image in analysis.images])
    wrong = max(1, sum(image.wrong for image in analysis.images))
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}
    rows = []
    for index, width in enumerate(TRIMAP_WIDTHS_PX):
        table = tables[:, index]
        value = scores_from_confusion(table.sum(0))['mDice']
        low, high = bootstrap_intervals(table, **options)['mDice']
        pixels, correct = int(table.sum()), int(np.trace(table.sum(0)))
        rows.append({
            'width': width,
            'mDice': Estimate(float(value), float(low), float(high)).in_percent().as_dict(),
            'pixels': _number(100 * pixels / max(1, int(analysis.confusion.sum()))),
            'errors': _number(100 * (pixels - correct) / wrong),
        })  # fmt: skip
    return rows


def _calibration(analysis: Analysis) -> Summary | None:
    """Summarize the calibration; None without probabilities."""
    histograms = [image.histogram for image in analysis.images if image.histogram is not None]
    if len(histograms) < len(analysis.images):
        return None
    table = np.stack(histograms)
    if not table[..., 0].any():
        return None
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}
    confidences = np.array([image.confidence for image in analysis.images])
    quality = np.array([image.dice for image in analysis.images])
    total = table.sum(axis=0)
    return {
        'ece': expected_calibration_error(table, **options).in_percent().as_dict(),
        'mean_confidence': _number(100 * total[:, 1].sum() / total[:, 0].sum()),
        'accuracy': _number(100 * total[:, 2].sum() / total[:, 0].sum()),
        'rank_correlation': rank_correlation(confidences, quality, **options).as_dict(),
        'worst': WORST_SHARE,
        'caught': _number(100 * caught_by_confidence(confidences, quality, WORST_SHARE)),
        'bins': [
            {
                'pixels': int(pixels),
                'confidence': _number(100 * confidence / pixels) if pixels else None,
                'accuracy': _number(100 * correct / pixels) if pixels else None,
            }
            for pixels, confidence, correct in total
        ],
    }


def _suspects(analysis: Analysis, correction: Correction | None) -> Summary | None:
    """Summarize the suspected masks; None without probabilities or background."""
    if any(image.suspicion is None for image in analysis.images):
        return None
    suspects = [image for image in analysis.images if image.suspicion is not None and image.suspicion.is_suspect]
    stems = {image.stem for image in suspects}
    worst = sorted(analysis.images, key=lambda image: image.dice)[: max(1, round(WORST_SHARE * len(analysis.images)))]
    total = sum(image.wrong for image in analysis.images)
    return {
        'rule': f'corroborated agreement below {SUSPECT_BELOW}',
        'worst_cases': len(worst),
        'worst_suspected': sum(image.stem in stems for image in worst),
        'wrong_pixels': _number(100 * sum(image.wrong for image in suspects) / max(1, total)),
        'corrected': None if correction is None else _correction(correction, stems),
        'found': [
            {
                'stem': image.stem,
                'kind': image.suspicion.kind,
                'agreement': _number(image.suspicion.agreement),
                'object_dice': _number(100 * image.dice),
                'corrected_agreement': None if correction is None else _number(correction.agreement[image.stem]),
            }
            for image in sorted(suspects, key=lambda image: image.dice)
            if image.suspicion is not None
        ],
    }


def _correction(correction: Correction, suspected: set[str]) -> Summary:
    changed = {stem for stem, agreement in correction.agreement.items() if agreement < SUSPECT_BELOW}
    return {
        'labels': correction.labels,
        'changed': len(changed),
        'confirmed': len(changed & suspected),
        'mDice': _number(100 * float(scores_from_confusion(correction.confusion.sum(0))['mDice'])),
    }


def _images(analysis: Analysis) -> list[Summary]:
    return [
        {
            'stem': image.stem,
            'object_dice': _number(100 * image.dice),
            'wrong_pixels': image.wrong,
            'causes': dict(zip(CAUSES, image.causes.sum(axis=(1, 2)).tolist(), strict=True)),
            'confidence': _number(100 * image.confidence),
            'suspect': None if image.suspicion is None else image.suspicion.is_suspect,
        }
        for image in analysis.images
    ]


def _number(value: Any) -> float | None:
    """Round to six decimals; None for NaN."""
    return None if math.isnan(value) else round(float(value), 6)
