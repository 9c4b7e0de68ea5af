from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.eda.cleaning.ablation import compare, mean_dice
from mmseg_ext.eda.cleaning.clean import RULES
from mmseg_ext.eda.cleaning.thresholds import Thresholds


def test_scores_by_hand_leave_ignored_pixels_out() -> None:
    mask = np.array([[0, 1, 1, 2, 255, 1]], np.uint8)
    truth = np.array([[1, 1, 0, 2, 1, 255]], np.uint8)
    assert mean_dice(mask, truth) == pytest.approx((2 / 4 + 1) / 2)
    assert mean_dice(mask, truth, ignore_index=7) == pytest.approx((2 / 6 + 1 + 0) / 3)
    empty = np.zeros((2, 2), np.uint8)
    assert mean_dice(empty, empty) == 1
    scores = compare(mask, truth, 255, list(RULES), Thresholds())
    assert scores.iou[0] == 2 / 4
