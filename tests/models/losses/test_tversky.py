import math

import pytest
import torch

from mmseg_ext.models.losses import DiceLoss, JaccardLoss, TverskyLoss

# Foreground probabilities 3/4 (true), 1/2 (true), 1/4 (false): TP = 5/4, FP = 1/4, FN = 3/4.
LOGITS = torch.tensor([[[[math.log(3), 0, -math.log(3)]]]], dtype=torch.float64)
TARGET = torch.tensor([[[1, 1, 0]]])


@pytest.mark.parametrize(
    ('options', 'index'),
    [
        ({'alpha': 0.3, 'beta': 0.7, 'smooth': 0}, 1.25 / (1.25 + 0.3 * 0.25 + 0.7 * 0.75)),
        ({'alpha': 1, 'beta': 0, 'smooth': 0}, 1.25 / 1.5),  # precision
        ({'alpha': 0, 'beta': 1, 'smooth': 0}, 1.25 / 2),  # recall
        ({'alpha': 0.3, 'beta': 0.7, 'smooth': 2}, 3.25 / (3.25 + 0.3 * 0.25 + 0.7 * 0.75)),
    ],
)
def test_by_hand(options, index):
    assert TverskyLoss(**options)(LOGITS, TARGET).item() == pytest.approx(1 - index)
    assert TverskyLoss(**options, gamma=4 / 3)(LOGITS, TARGET).item() == pytest.approx((1 - index) ** 0.75)


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('further', [{}, {'log': True}, {'per': 'image', 'absent': 'count'}, {'use_sigmoid': True}])
def test_known_special_cases(further, soft):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    target = torch.rand(2, 3, 4, 4) if soft else target
    dice = TverskyLoss(alpha=0.5, beta=0.5, smooth=0.5, **further)
    torch.testing.assert_close(dice(logits, target), DiceLoss(smooth=1, **further)(logits, target))
    jaccard = TverskyLoss(alpha=1, beta=1, smooth=1, **further)
    torch.testing.assert_close(jaccard(logits, target), JaccardLoss(smooth=1, **further)(logits, target))


def test_the_root_of_a_perfect_prediction_has_a_finite_gradient():
    logits = torch.tensor([[[[200.0, -200.0]]]], requires_grad=True)
    loss = TverskyLoss(gamma=2, smooth=0)(logits, torch.tensor([[[1, 0]]]))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-15)
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize('options', [{'alpha': -1}, {'beta': -0.1}, {'gamma': 0}, {'alpha': math.nan}])
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        TverskyLoss(**options)
