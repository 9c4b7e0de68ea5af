from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmseg_ext.eda.quality.components import TYPICAL_EDGE_SUPPORT
from mmseg_ext.eda.quality.edges import near, outline
from mmseg_ext.eda.quality.evidence import make_evidence
from mmseg_ext.eda.quality.scores import (
    SCORES,
    class_agreement,
    confident_agreement,
    corroborated_agreement,
    hard_iou,
    soft_iou,
    softmin,
    supported_agreement,
)


def certain(mask: np.ndarray, classes: int = 3) -> np.ndarray:
    """Probabilities of a model that is sure of a mask."""
    return np.eye(classes, dtype=np.float32)[mask].transpose(2, 0, 1)


def square(value: int, left: int, right: int) -> np.ndarray:
    """A mask of 40×40 with one object, 20 rows high."""
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, left:right] = value
    return mask


def noise(seed: int, size: int = 12) -> np.ndarray:
    """An image of nothing."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


masks = arrays(np.uint8, (12, 12), elements=st.sampled_from([0, 1, 2, 255]))


@pytest.mark.parametrize('name', SCORES)
@given(masks, st.integers(0, 2**32 - 1))
def test_every_score_lies_in_0_to_1_and_full_agreement_is_1(name: str, mask: np.ndarray, seed: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(3), mask.shape).transpose(2, 0, 1)
    assert 0 <= SCORES[name](make_evidence(mask, probabilities, image=noise(seed))) <= 1
    sure = certain(np.where(mask == 255, 0, mask))
    assert SCORES[name](make_evidence(mask, sure, image=noise(seed))) == pytest.approx(1)


@pytest.mark.parametrize('name', SCORES)
@given(masks, st.integers(0, 2**32 - 1))
def test_what_the_model_says_of_ignored_pixels_changes_nothing(name: str, mask: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(3), mask.shape).transpose(2, 0, 1)
    other = np.where(mask == 255, rng.dirichlet(np.ones(3), mask.shape).transpose(2, 0, 1), probabilities)
    both = [SCORES[name](make_evidence(mask, p, image=noise(seed))) for p in (probabilities, other)]
    assert both[0] == pytest.approx(both[1])


def test_softmin_by_hand() -> None:
    probabilities = np.array([[[0.9, 0.2]], [[0.1, 0.8]]])
    weights = [math.exp((1 - 0.9) / 0.1), math.exp((1 - 0.2) / 0.1)]
    expected = (0.9 * weights[0] + 0.2 * weights[1]) / sum(weights)
    assert softmin(make_evidence(np.zeros((1, 2), np.uint8), probabilities)) == pytest.approx(expected)


def test_ious_by_hand() -> None:
    mask = np.array([[1, 1, 0, 0]], np.uint8)
    probabilities = np.array(
        [[[0.2, 0.7, 0.4, 0.9]], [[0.8, 0.3, 0.6, 0.1]]]
    )  # the likeliest: object, background, object, background
    e = make_evidence(mask, probabilities)
    assert hard_iou(e) == pytest.approx(1 / 3)
    assert soft_iou(e) == pytest.approx((0.8 + 0.3) / (1 + 1 + 0.6 + 0.1))


def test_confident_agreement_counts_areas_and_not_borders() -> None:
    model = certain(square(1, 5, 25))
    assert confident_agreement(make_evidence(square(1, 5, 25), model)) == 1
    assert (
        confident_agreement(make_evidence(square(1, 5, 21), model)) == 1
    )  # four columns too few: thinner than the disc
    half = make_evidence(square(1, 5, 15), model)  # ten of twenty columns are missing
    assert confident_agreement(half, opening=1) == 0.5
    assert 0.5 < confident_agreement(half) < 0.6  # a disc of seven pixels cannot reach into the four corners
    assert confident_agreement(make_evidence(square(1, 5, 25), certain(np.zeros((40, 40), int)))) < 0.07
    unsure = np.where(model > 0.5, 0.36, 0.32)
    assert confident_agreement(make_evidence(square(1, 5, 15), unsure)) == 1


def test_what_stands_alone_counts_half_and_in_full_with_a_counterpart() -> None:
    def both(mask: np.ndarray, model: np.ndarray) -> tuple[float, float]:
        e = make_evidence(mask, certain(model))
        return 1 - confident_agreement(e, opening=1), 1 - corroborated_agreement(e, opening=1)

    nothing, left, right = square(1, 0, 0), square(1, 2, 12), square(1, 20, 40)
    assert both(left, nothing) == pytest.approx((1, 0.5))  # overlooked by the models, or a mask on nothing
    assert both(nothing, left) == pytest.approx((1, 0.5))  # a horse, or a forgotten animal
    assert both(left, right) == pytest.approx((1, 1 - 0.5 * 200 / 600))  # 200 px against 400: 200 have no counterpart
    assert both(left, square(1, 22, 32)) == pytest.approx((1, 1))  # the mask lies on the wrong thing
    assert both(left, square(1, 2, 22)) == pytest.approx((0.5, 0.5))  # half of the animal is missing
    assert both(square(1, 2, 22), left) == pytest.approx((0.5, 0.5))  # half of it too much
    assert both(square(1, 2, 32), square(1, 2, 7)) == pytest.approx((25 / 30, 12.5 / 30))  # the models see a sixth


def image_of(left: int, right: int) -> np.ndarray:
    """An image of 40×40 with one bright object, 20 rows high."""
    image = np.full((40, 40, 3), 60, np.uint8)
    image[10:30, left:right] = (120, 180, 220)
    return image


def test_the_image_tells_whose_outline_is_right() -> None:
    def both(mask: np.ndarray, model: np.ndarray, image: np.ndarray) -> tuple[float, float]:
        e = make_evidence(mask, certain(model), image=image)
        return corroborated_agreement(e, opening=1), supported_agreement(e, opening=1)

    whole, half, nothing = square(1, 10, 30), square(1, 10, 20), square(1, 0, 0)
    plain, supported = both(whole, half, image_of(10, 30))  # the models overlook half of it
    assert plain == pytest.approx(0.5)
    assert supported > 0.9
    for mask, model, image in (
        (half, whole, image_of(10, 30)),  # the mask leaves out half of it
        (whole, half, image_of(10, 20)),  # the mask holds too much
        (nothing, whole, image_of(10, 30)),  # no outline of the mask anywhere
        (whole, half, np.full((40, 40, 3), 60, np.uint8)),  # nothing to be seen
    ):
        plain, supported = both(mask, model, image)
        assert supported == pytest.approx(plain, abs=1e-6)
        assert plain <= 0.51


def test_the_weight_of_a_contradiction_by_hand() -> None:
    # The mask has 10 columns more than the models. Of its outline, 34 pixels are farther than 2 from theirs: the 20 of
    # its right side and 7 each of top and bottom. Of theirs, 14: their right side but for 3 pixels at either end.
    e = make_evidence(square(1, 10, 30), certain(square(1, 10, 20)))
    mine = outline(e.labelled) & ~near(outline(e.predicted))
    theirs = outline(e.predicted) & ~near(outline(e.labelled))
    assert (mine.sum(), theirs.sum()) == (34, 14)
    for support in (0.0, 0.25, 0.5):
        edges = np.where(mine, support, 0).astype(np.float32)
        gain = 34 * support / (34 + 14) / TYPICAL_EDGE_SUPPORT
        score = supported_agreement(replace(e, edges=edges), opening=1)
        assert score == pytest.approx(1 - 0.5 * (1 - gain))
    edges = np.where(mine, 0.5, np.where(theirs, 0.7, 0)).astype(np.float32)
    gain = (34 * 0.5 - 14 * 0.7) / 48 / TYPICAL_EDGE_SUPPORT
    assert supported_agreement(replace(e, edges=edges), opening=1) == pytest.approx(1 - 0.5 * (1 - gain))


def test_class_agreement_looks_at_the_class_of_what_both_call_an_object() -> None:
    probabilities = np.zeros((3, 40, 40))
    probabilities[0], probabilities[1], probabilities[2] = 0.2, 0.6, 0.2
    assert class_agreement(make_evidence(square(1, 5, 25), probabilities)) == pytest.approx(0.75)
    assert class_agreement(make_evidence(square(2, 5, 25), probabilities)) == pytest.approx(0.25)
    assert class_agreement(make_evidence(np.zeros((40, 40), np.uint8), probabilities)) == 1
    assert (
        class_agreement(make_evidence(square(2, 5, 25), certain(np.zeros((40, 40), int)))) == 1
    )  # no object at all there


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match=r'mask is \(2, 2\), probabilities are \(3, 2, 3\)'):
        make_evidence(np.zeros((2, 2), np.uint8), np.zeros((3, 2, 3)))
    with pytest.raises(ValueError, match='class 3'):
        make_evidence(np.full((2, 2), 3, np.uint8), np.zeros((3, 2, 2)))
    with pytest.raises(ValueError, match=r'image is \(3, 2, 3\)'):
        make_evidence(np.zeros((2, 2), np.uint8), np.zeros((3, 2, 2)), image=np.zeros((3, 2, 3), np.uint8))
    with pytest.raises(ValueError, match='needs the image'):
        supported_agreement(make_evidence(np.zeros((2, 2), np.uint8), np.zeros((3, 2, 2))))
