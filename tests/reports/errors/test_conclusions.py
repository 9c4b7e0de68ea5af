"""The sentences that an error page opens on, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mmseg_ext.evaluation.errors.causes import CAUSES
from mmseg_ext.reports.errors.conclusions import REMEDIES, conclude, rank_causes


def entry(value: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {'value': value, 'low': low, 'high': high}


def cause(name: str, pixels: int, gain: dict[str, Any], share: float = 0) -> dict[str, Any]:
    return {'cause': name, 'pixels': pixels, 'images': 1, 'share': entry(share), 'gain': gain}


def piece(
    name: str, p: float, *, limits: str = '', statistic: float = 3, images: int = 9, **more: Any
) -> dict[str, Any]:
    found = {'object_dice': entry(60.04), 'gap': entry(-20.0, -30.5, -9.5)}
    return {'name': name, 'limits': limits, 'statistic': statistic, 'p': p, 'images': images, **found, **more}


def summary(
    causes: Sequence[dict[str, Any]] = (),
    slices: Sequence[dict[str, Any]] = (),
    *,
    tried: int = 40,
    images: int = 20,
    objects: int = 25,
    suspects: int | None = None,
    pixels: int = 1000,
) -> dict[str, Any]:
    return {
        'result': {'images': images, 'objects': objects},
        'scores': {'pixels': pixels},
        'causes': [*causes, cause('hole', 0, entry(0.0))],
        'worst_slices': {'tried': tried, 'least': 8, 'found': list(slices)},
        'label_suspects': None if suspects is None else {'found': [{}] * suspects, 'wrong_pixels': 36.94},
    }


BAND = cause('boundary band', 50, entry(3.526, 3.18, 3.94), 42.66)
SPILL = cause('spill-over', 40, entry(1.25, 0.39, 2.372), 38.0)


def test_three_sentences_on_cause_slice_and_remedy() -> None:
    found = [piece('ragged', 0.012, feature='compactness', limits='≤ 0.264'), piece('dark', 0.3, statistic=2)]
    assert conclude(summary([SPILL, BAND], found, suspects=10)) == [
        'The cause "boundary band" costs most: correcting it would gain 3.53 points of mDice (95 % interval 3.18 to '
        '3.94), and it accounts for 42.7 % of the wrong pixels; next is "spill-over" with 1.25 points (0.39 to 2.37).',
        'The worst slice is "ragged" (compactness ≤ 0.264), by more than chance (p = 0.012, corrected for '
        '40 slices tried): object Dice 60.0 %, 20.0 points (95 % interval 9.5 to 30.5) below the other '
        'objects.',
        'Next steps: check the 10 suspected ground-truth masks (36.9 % of the wrong pixels); for "boundary '
        'band", train and predict at a higher resolution (not all can be gained: annotators differ too); add '
        'images of "ragged" (compactness ≤ 0.264).',
    ]


def test_a_slice_that_may_be_worst_by_chance_is_no_reason_for_more_images() -> None:
    _, sentence, remedy = conclude(summary([SPILL], [piece('ragged', 0.0501)], suspects=1))
    assert sentence.startswith('The worst slice is "ragged", possibly by chance (p = 0.050,')
    assert remedy == (
        'Next steps: check the 1 suspected ground-truth mask (36.9 % of the wrong pixels); for '
        '"spill-over", add images with similar backgrounds.'
    )
    assert ', by more than chance (p < 0.001,' in conclude(summary([SPILL], [piece('ragged', 0.0005)]))[1]


def test_without_errors_one_sentence() -> None:
    assert conclude(summary(images=1)) == ['No errors: every pixel of the 1 image matches the ground truth.']
    assert conclude(summary(pixels=0, images=3)) == [
        'Nothing to evaluate: no pixel of the 3 images has a class in the ground truth.'
    ]


def test_one_cause_alone_has_no_next() -> None:
    assert conclude(summary([BAND]))[0].endswith('42.7 % of the wrong pixels.')


@pytest.mark.parametrize(('images', 'shown'), [(4, False), (5, True)])
def test_intervals_over_few_images_are_left_out(images: int, shown: bool) -> None:
    first, second, _ = conclude(summary([BAND, SPILL], [piece('x', 0.5, images=images)], images=images))
    assert ('(95 % interval 3.18 to 3.94)' in first) is shown
    assert ('(0.39 to 2.37)' in first) is shown
    assert ('(95 % interval 9.5 to 30.5)' in second) is shown


def test_a_missing_interval_is_left_out() -> None:
    first, second, _ = conclude(summary([cause('hole', 9, entry(2.0), 50)], [piece('x', 0.5, gap=entry(-7.0))]))
    assert first.startswith(
        'The cause "hole" costs most: correcting it would gain 2.00 points of mDice, and it accounts'
    )
    assert second.endswith('object Dice 60.0 %, 7.0 points below the other objects.')


def test_causes_that_tie() -> None:
    tie = [cause('hole', 9, entry(2.0), 40.0), cause('missed part', 7, entry(2.0), 35.04)]
    assert conclude(summary([*tie, SPILL]))[0] == (
        'The causes "hole" and "missed part" tie for the highest cost: correcting one of them would gain 2.00 points '
        'of mDice; they account for 40.0 % and 35.0 % of the wrong pixels.'
    )


def test_slices_that_tie() -> None:
    tie = [piece('cat', 0.01), piece('one object', 0.01, object_dice=entry(61.0)), piece('small', 0.01, statistic=2)]
    _, sentence, remedy = conclude(summary([SPILL], tie))
    assert sentence.startswith('The worst slices are "cat" and "one object", by more than chance (p = 0.010,')
    assert ': object Dice 60.0 %, 20.0 points (95 % interval 9.5 to 30.5) and 61.0 %, 20.0 points' in sentence
    assert remedy.endswith('; add images of "cat" or "one object".')


def test_an_undefined_mdice_leaves_the_pixels() -> None:
    causes = [cause('hole', 3, entry(None), 30.0), cause('spill-over', 7, entry(None), 70.0)]
    assert conclude(summary(causes))[0] == 'The cause "spill-over" has the most wrong pixels: 70.0 % of them.'
    assert [found['cause'] for found in rank_causes(summary(causes))] == ['spill-over', 'hole']


def test_no_slices() -> None:
    assert conclude(summary([SPILL], tried=0, objects=0))[1] == (
        'The ground truth has no objects, so there are no slices to compare.'
    )
    assert conclude(summary([SPILL], tried=0, objects=1))[1] == (
        'Too few objects to compare slices (1): a slice needs at least 8, and as many outside it.'
    )
    assert conclude(summary([SPILL], tried=1))[1] == ('No slice scores below the other objects (1 slice tried).')


def test_each_cause_has_a_remedy() -> None:
    assert set(REMEDIES) == set(CAUSES)
