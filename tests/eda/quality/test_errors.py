from __future__ import annotations

import numpy as np

from mmseg_ext.eda.quality.errors import LabelErrors, label_errors
from mmseg_ext.eda.quality.evidence import make_evidence


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
