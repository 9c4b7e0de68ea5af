from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.eda.cleaning.ablation import foreground_iou, mean_dice


def test_scores_by_hand() -> None:
    mask = np.array([[0, 1, 1, 2, 255]], np.uint8)
    truth = np.array([[1, 1, 0, 2, 1]], np.uint8)
    assert mean_dice(mask, truth) == pytest.approx((2 / 5 + 1) / 2)
    assert foreground_iou(mask, truth) == pytest.approx(2 / 5)
    empty = np.zeros((2, 2), np.uint8)
    assert mean_dice(empty, empty) == foreground_iou(empty, empty) == 1
