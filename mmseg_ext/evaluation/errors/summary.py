"""An error analysis as numbers for a file (``errors.json``; its keys are described in ``docs/error-analysis.md``).

Scores, shares and differences are percent or points of percent, distances pixels; correlations and p-values are as
they are. ``{"value", "low", "high"}`` is a number with its 95 % bootstrap interval over images. None stands for what
does not exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.bootstrap import bootstrap_intervals
from mmseg_ext.evaluation.errors.analyze import Analysis, object_dice
from mmseg_ext.evaluation.errors.causes import CAUSES
from mmseg_ext.evaluation.errors.correction import Correction
from mmseg_ext.evaluation.errors.estimate import Estimate
from mmseg_ext.evaluation.errors.objects import PREDICTED_FATES, TRUE_FATES, object_scores
from mmseg_ext.evaluation.errors.quality_summary import (
    in_percent,
    number,
    summarize_borders,
    summarize_calibration,
    summarize_suspects,
)
from mmseg_ext.evaluation.errors.slices import Slice, SliceScore
from mmseg_ext.evaluation.scores import scores_from_confusion

Summary = dict[str, Any]


def summarize_errors(analysis: Analysis, command: Iterable[str] = (), correction: Correction | None = None) -> Summary:
    """Bring an analysis into the form of ``errors.json``.

    Args:
        analysis: The analysis.
        command: The command line that it was made with.
        correction: Corrected masks, by which the suspicions are checked.
    """
    return {
        'command': list(command),
        'result': _result(analysis),
        'settings': _settings(analysis),
        'scores': _scores(analysis),
        'causes': _causes(analysis),
        'slices': [_slice(analysis, *one) for one in analysis.slices],
        'worst_slices': _worst(analysis),
        'objects': _objects(analysis),
        'borders': summarize_borders(analysis),
        'calibration': summarize_calibration(analysis),
        'label_suspects': summarize_suspects(analysis, correction),
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
        'found': settings.causes.found,
        'own': settings.causes.own,
        'resamples': settings.resamples,
        'permutations': settings.permutations,
        'seed': settings.seed,
    }


def _scores(analysis: Analysis) -> Summary:
    total = analysis.confusion.sum(0)
    low, high = bootstrap_intervals(analysis.confusion, resamples=analysis.settings.resamples)['mDice']
    mean = Estimate(*(100 * float(one) for one in (scores_from_confusion(total)['mDice'], low, high)))
    return {
        'mDice': mean.as_dict(),
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


def _slice(analysis: Analysis, one: Slice, score: SliceScore) -> Summary:
    names = analysis.result.classes.names
    return {
        'feature': one.feature,
        'name': one.name,
        'limits': one.limits,
        'objects': score.objects,
        'images': score.images,
        'object_dice': score.dice.as_dict(),
        'gap': score.gap.as_dict(),
        'relative': score.relative.as_dict(),
        'class_dice': {names[index]: number(score.class_dice[index]) for index in analysis.object_classes},
    }


def _worst(analysis: Analysis) -> Summary:
    search = analysis.search
    return {
        'tried': search.tried,
        'least': search.least,
        'found': [
            {**_slice(analysis, one.slice, score), 'statistic': number(one.statistic), 'p': number(one.p)}
            for one, score in zip(search.worst, analysis.worst, strict=True)
        ],
    }


def _objects(analysis: Analysis) -> Summary:
    views = [image.view for image in analysis.images]
    names = analysis.result.classes.names
    counts = np.stack([view.counts for view in views])
    options = {'resamples': analysis.settings.resamples, 'seed': analysis.settings.seed}

    def scored(table: NDArray[np.float64]) -> Summary:
        scores = object_scores(table, **options)
        return {name: in_percent(one).as_dict() for name, one in scores.items()}

    true, predicted = (np.sum([getattr(view, side) for view in views], axis=0) for side in ('true', 'predicted'))
    confused: Counter[tuple[int, int]] = Counter()
    for view in views:
        confused.update(view.confused)
    several = [int(view.true.sum()) > 1 for view in views]
    return {
        'classes': {
            names[index]: {
                **scored(counts[:, index]),
                'true': dict(zip(TRUE_FATES, map(int, true[index]), strict=True)),
                'predicted': dict(zip(PREDICTED_FATES, map(int, predicted[index]), strict=True)),
            }
            for index in analysis.object_classes
        },
        'all': scored(counts.sum(axis=1)),
        'confused': [
            {'true': names[a], 'predicted': names[b], 'objects': count} for (a, b), count in confused.most_common()
        ],
        'several': sum(several),
        'second_missed': sum(view.second_missed for view in views),
    }


def _images(analysis: Analysis) -> list[Summary]:
    return [
        {
            'stem': image.stem,
            'object_dice': number(100 * image.dice),
            'wrong_pixels': image.wrong,
            'causes': dict(zip(CAUSES, image.causes.sum(axis=(1, 2)).tolist(), strict=True)),
            'confidence': number(100 * image.confidence),
            'suspect': None if image.suspicion is None else image.suspicion.is_suspect,
        }
        for image in analysis.images
    ]
