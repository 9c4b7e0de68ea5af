import math

import pytest
import torch
import torch.nn.functional as F
from mmseg.models import losses as mmseg_losses

from mmseg_ext.models.losses import CrossEntropyLoss, FocalLoss

IGNORE = 255


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('normalize', ['weights', 'pixels'])
@pytest.mark.parametrize(('channels', 'use_sigmoid'), [(3, False), (3, True), (1, False)])
def test_gamma_0_is_cross_entropy(channels, use_sigmoid, normalize, soft):
    torch.manual_seed(0)
    logits, target = torch.randn(2, channels, 4, 4), torch.randint(2, (2, 4, 4))
    target = torch.rand(2, channels, 4, 4) if soft else target
    options = {'use_sigmoid': use_sigmoid, 'normalize': normalize, 'class_weight': [0.5, 2, 3][: max(channels, 2)]}
    torch.testing.assert_close(
        FocalLoss(gamma=0, **options)(logits, target), CrossEntropyLoss(**options)(logits, target)
    )


def test_by_hand():
    # Probabilities of the true class: 1/2 and 3/4 (softmax over ln p); the last pixel is ignored.
    logits = torch.log(torch.tensor([[[[0.5, 0.25, 0.9]], [[0.5, 0.75, 0.1]]]], dtype=torch.float64))
    target = torch.tensor([[[0, 1, IGNORE]]])
    assert FocalLoss(gamma=2)(logits, target).item() == pytest.approx((math.log(2) / 4 + math.log(4 / 3) / 16) / 2)


def test_binary_agrees_with_mmsegs_formula_on_soft_targets():
    # On the CPU mmseg's FocalLoss takes one-hot targets only, and gives the mean over pixels and channels.
    torch.manual_seed(0)
    logits, ids = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    one_hot = F.one_hot(ids, 3).movedim(-1, 1).float()
    theirs = mmseg_losses.FocalLoss(gamma=2.0, alpha=0.5)(logits, one_hot)
    torch.testing.assert_close(FocalLoss(use_sigmoid=True)(logits, ids), 2 * theirs)


def test_the_papers_alpha_is_a_class_weight():
    logits, target = torch.zeros(1, 1, 1, 2), torch.tensor([[[0, 1]]])
    got = FocalLoss(gamma=0, class_weight=[0.75, 0.25], normalize='pixels')(logits, target)
    assert got.item() == pytest.approx(math.log(2) * (0.75 + 0.25) / 2)


@pytest.mark.parametrize('gamma', [0.1, 0.5, 1, 5])
def test_the_gradient_of_a_saturated_pixel_is_finite(gamma):
    logits = torch.tensor([[[[200.0]], [[-200.0]]]], requires_grad=True)
    FocalLoss(gamma=gamma)(logits, torch.zeros(1, 1, 1, dtype=torch.long)).backward()
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize('gamma', [-1, math.nan])
def test_bad_options(gamma):
    with pytest.raises(ValueError, match='gamma'):
        FocalLoss(gamma=gamma)
