import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mmseg_ext.models.losses import CrossEntropyLoss, DiceLoss, JaccardLoss

IGNORE = 255

# One image, two classes, four pixels. Class 1 has probabilities 3/4, 1/4, 1/2 and an ignored pixel; truth 1, 0, 0.
# Intersection, predicted, true: class 0: 5/4, 3/2, 2; class 1: 3/4, 3/2, 1.
LOGITS = torch.log(torch.tensor([[[[0.25, 0.75], [0.5, 0.01]], [[0.75, 0.25], [0.5, 0.99]]]], dtype=torch.float64))
TARGET = torch.tensor([[[1, 0], [0, IGNORE]]])


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'smooth': 0}, 1 - (5 / 9 + 3 / 7) / 2),
        ({'smooth': 1}, 1 - (9 / 13 + 7 / 11) / 2),
        ({'smooth': 1, 'log': True}, -(math.log(9 / 13) + math.log(7 / 11)) / 2),
        ({'smooth': 0, 'class_weight': [1, 3]}, 1 - (5 / 9 + 3 * 3 / 7) / 4),
    ],
)
def test_by_hand(options, expected):
    assert JaccardLoss(**options)(LOGITS, TARGET).item() == pytest.approx(expected)


def test_equals_iou_on_hard_predictions():
    rng = np.random.default_rng(0)
    predicted, target = rng.integers(3, size=(2, 2, 8, 8))
    scores = [((predicted == c) & (target == c)).sum() / ((predicted == c) | (target == c)).sum() for c in range(3)]
    logits = F.one_hot(torch.from_numpy(predicted), 3).permute(0, 3, 1, 2) * 200.0
    assert JaccardLoss(smooth=0)(logits, torch.from_numpy(target)).item() == pytest.approx(1 - np.mean(scores))


def test_j_is_dice_over_2_minus_dice():
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 5, 5, dtype=torch.float64), torch.randint(2, (2, 5, 5))
    dice = 1 - DiceLoss(smooth=0)(logits, target)
    torch.testing.assert_close(1 - JaccardLoss(smooth=0)(logits, target), dice / (2 - dice))


def test_the_sum_of_ternausnet():
    # Foreground probabilities 3/4 (true) and 1/4 (false): BCE = ln(4/3), J = (3/4) / (1 + 1 - 3/4).
    logits = torch.tensor([[[[math.log(3), -math.log(3)]]]], dtype=torch.float64)
    target = torch.tensor([[[1, 0]]])
    parts = CrossEntropyLoss(use_sigmoid=True), JaccardLoss(use_sigmoid=True, log=True, smooth=1e-6)
    total = sum(part(logits, target) for part in parts)
    assert total.item() == pytest.approx(math.log(4 / 3) - math.log(3 / 5), rel=1e-5)


@pytest.mark.parametrize('options', [{'smooth': -1}, {'smooth': 0, 'log': True}, {'smooth': 0, 'absent': 'count'}])
def test_bad_options(options):
    with pytest.raises(ValueError, match='smooth '):
        JaccardLoss(**options)
