from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmseg_ext.eda.quality.components import (
    CUES,
    EXTRA_COEFFICIENTS,
    MISSING_COEFFICIENTS,
    TYPICAL_EDGE_SUPPORT,
    Component,
    error_probability,
    find_components,
)
from mmseg_ext.eda.quality.edges import outline
from mmseg_ext.eda.quality.evidence import Evidence, make_evidence
from mmseg_ext.eda.quality.scores import expected_iou


def square(left: int, right: int, top: int = 10, bottom: int = 30) -> np.ndarray:
    mask = np.zeros((40, 40), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def judged(mask: np.ndarray, prediction: np.ndarray, certainty: float = 0.8) -> Evidence:
    """A mask, and models that see the prediction with p = (1 + certainty) / 2; the image has no edges."""
    probability = np.where(prediction > 0, (1 + certainty) / 2, (1 - certainty) / 2)
    evidence = make_evidence(mask, np.stack([1 - probability, probability]))
    return replace(evidence, edges=np.zeros(mask.shape, np.float32))


def cues(component: Component) -> dict[str, float]:
    return dict(zip(CUES, component.cues.tolist(), strict=True))


def test_the_cues_of_a_half_that_the_mask_leaves_out_by_hand() -> None:
    evidence = judged(square(10, 20), square(10, 30))
    border, thick = sorted(find_components(evidence), key=lambda found: found.region.sum())
    assert not thick.extra
    assert not border.extra
    size, rest = int(thick.region.sum()), int(border.region.sum())
    assert size + rest == 200  # the disc of 5 px leaves out the corners
    assert 0 < rest <= 12
    found = cues(thick)
    assert found['size'] == pytest.approx(np.log(size / 400))
    assert found['certainty'] == pytest.approx(0.8)
    assert found['depth'] == pytest.approx(5 / 20, abs=0.01)
    assert found['unmatched'] == found['counterpart'] == found['thin'] == 0
    assert found['rest'] == pytest.approx(200 / (400 - size))
    assert found['doubt'] == pytest.approx(4 * 0.9 * 0.1)
    assert found['share'] == pytest.approx(size / 400)
    assert 0.2 < found['attached'] < 0.4  # one of its four sides
    assert (found['support'], found['outlined']) == (0, 1)
    assert cues(border)['thin'] == 1


def test_the_image_supports_the_label_or_the_models_within_limits() -> None:
    evidence = judged(square(10, 30), square(10, 20))
    of_label, of_models = outline(evidence.labelled), outline(evidence.predicted)
    for strength, expected in ((0.35, 0.5), (-0.35, -0.5), (1.0, 1.0), (-1.0, -1.0)):
        assert abs(expected) == min(1, abs(strength) / TYPICAL_EDGE_SUPPORT)
        edges = strength * (of_label & ~of_models) - strength * (of_models & ~of_label)
        found = find_components(replace(evidence, edges=edges.astype(np.float32)))
        (thick,) = (one for one in found if not cues(one)['thin'])
        assert thick.extra
        assert cues(thick)['support'] == pytest.approx(expected)


def test_what_stands_alone_has_a_counterpart_on_the_other_side() -> None:
    evidence = judged(square(2, 12), square(20, 30))
    extra, missing = (one for one in find_components(evidence) if not cues(one)['thin'])
    assert (extra.extra, missing.extra) == (True, False)
    for one in (extra, missing):
        found = cues(one)
        assert found['unmatched'] == found['counterpart'] == 1
        assert found['attached'] == found['rest'] == 0
    alone = cues(next(find_components(judged(square(2, 12), square(0, 0)))))
    assert (alone['unmatched'], alone['counterpart']) == (1, 0)


def test_the_probability_is_the_logistic_function_of_the_cues() -> None:
    for extra, coefficients in ((True, EXTRA_COEFFICIENTS), (False, MISSING_COEFFICIENTS)):
        assert len(coefficients) == len(CUES) + 1
        values = np.linspace(-1, 1, len(CUES))
        logit = coefficients[0] + sum(a * b for a, b in zip(coefficients[1:], values, strict=True))
        probability = error_probability(Component(np.ones((1, 1), bool), extra, values))
        assert probability == pytest.approx(1 / (1 + np.exp(-logit)))


def test_the_score_is_the_expected_iou_with_the_right_mask() -> None:
    evidence = judged(square(10, 26), square(16, 32))
    extra = sum(error_probability(one) * one.region.sum() for one in find_components(evidence) if one.extra)
    missing = sum(error_probability(one) * one.region.sum() for one in find_components(evidence) if not one.extra)
    assert extra > 0
    assert missing > 0
    assert expected_iou(evidence) == pytest.approx((320 - extra) / (320 + missing))
    assert expected_iou(judged(square(5, 25), square(5, 25))) == 1
    assert expected_iou(judged(square(0, 0), square(0, 0))) == 1
    ignored = np.where(square(10, 30) > 0, 255, 0).astype(np.uint8)
    assert expected_iou(judged(ignored, square(10, 30))) == 1
    with pytest.raises(ValueError, match='needs the image'):
        expected_iou(make_evidence(square(5, 25), np.full((2, 40, 40), 0.5)))


def test_the_edges_of_the_image_excuse_no_sliver() -> None:
    """The mask is a strip along the animal's edge: its outline follows the image, and the models see the animal."""
    sliver, animal = square(8, 10, 6, 34), square(8, 34, 6, 34)
    evidence = judged(sliver, animal, 0.5)
    edges = np.zeros(animal.shape, np.float32)
    edges[4:36, 6:12] = 1
    assert expected_iou(replace(evidence, edges=edges)) < 0.5
    no_support = expected_iou(evidence)
    assert expected_iou(judged(animal, animal, 0.5)) > no_support


@pytest.mark.parametrize('label', ['full', 'swapped'])
def test_a_label_that_fills_the_image_is_not_excused(label: str) -> None:
    right = square(10, 30)
    wrong = np.ones_like(right) if label == 'full' else 1 - right
    edges = np.where(outline(right > 0) | outline(right == 0), 1, -0.2).astype(np.float32)
    scores = [expected_iou(replace(judged(mask, right), edges=edges)) for mask in (wrong, right)]
    assert scores[0] < 0.6
    assert scores[1] == 1
    largest = max(find_components(replace(judged(wrong, right), edges=edges)), key=lambda one: one.region.sum())
    assert largest.extra
    assert cues(largest)['outlined'] == 1
    assert cues(largest)['support'] < 0


def test_the_border_of_the_image_is_no_outline_of_what_is_cut_off_there() -> None:
    """A body in the lower half, whose lower half the models miss: only the border of the image is near it."""
    label, prediction = np.zeros((2, 40, 40), np.uint8)
    label[20:], prediction[20:30] = 1, 1
    evidence = judged(label, prediction)
    (part,) = find_components(evidence)
    assert cues(part)['outlined'] == 0  # 78 of the 156 pixels of the border: half
