from __future__ import annotations

import numpy as np

from mmseg_ext.eda.quality.errors import LabelErrors, label_errors
from mmseg_ext.eda.quality.evidence import Evidence, make_evidence
from mmseg_ext.eda.quality.scores import SCORES, hard_iou, soft_iou
from mmseg_ext.eda.quality.suggestions import suggest_mask


def certain(mask: np.ndarray, classes: int = 3) -> np.ndarray:
    """Probabilities of a model that is sure of a mask."""
    return np.eye(classes, dtype=np.float32)[mask].transpose(2, 0, 1)


def square(value: int, left: int, right: int) -> np.ndarray:
    """A mask of 40×40 with one object, 20 rows high."""
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, left:right] = value
    return mask


def test_kinds_and_areas_of_errors() -> None:
    model = certain(square(1, 5, 25))

    def errors(mask: np.ndarray) -> LabelErrors:
        return label_errors(make_evidence(mask, model), opening=3)  # of 200 pixels it loses the four corners

    assert errors(square(1, 5, 25)) == LabelErrors(0, 0, 0, 0, 'none')
    assert (errors(square(1, 5, 15)).kind, errors(square(1, 5, 15)).missing) == ('missing part', 196)
    assert (errors(square(1, 5, 35)).kind, errors(square(1, 5, 35)).extra) == ('extra area', 196)
    assert (errors(square(2, 5, 25)).kind, errors(square(2, 5, 25)).wrong_class) == ('wrong class', 396)
    assert errors(square(1, 5, 24)) == LabelErrors(0, 0, 0, 20, 'border')


def test_without_a_background_every_contradiction_is_a_wrong_class() -> None:
    model = certain(square(1, 5, 25))
    mask = square(1, 5, 15)  # class 0, where the models see class 1

    def evidence(mask: np.ndarray) -> Evidence:
        return make_evidence(mask, model, image=np.zeros((40, 40, 3), np.uint8), background=None)

    assert label_errors(evidence(mask), opening=3) == LabelErrors(0, 0, 196, 4, 'wrong class')
    assert label_errors(evidence(square(1, 5, 25)), opening=3).kind == 'none'
    np.testing.assert_array_equal(suggest_mask(evidence(mask)), square(1, 5, 25))
    right, wrong = evidence(square(1, 5, 25)), evidence(mask)
    for name, score in SCORES.items():
        assert score(right) == 1, name
        assert score(wrong) < 1, name
    assert soft_iou(wrong) == 1 - 200 / 1600
    assert hard_iou(wrong) == 1 - 200 / 1600
