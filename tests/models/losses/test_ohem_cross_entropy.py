import math

import pytest
import torch

from mmseg_ext.models.losses import CrossEntropyLoss, OHEMCrossEntropyLoss

IGNORE = 255


@pytest.mark.parametrize('soft', [False, True])
@pytest.mark.parametrize('channels', [1, 3])
def test_keep_all_is_cross_entropy(channels, soft):
    torch.manual_seed(0)
    logits, target = torch.randn(2, channels, 4, 4), torch.randint(2, (2, 4, 4))
    target[0, 0] = IGNORE
    target = torch.rand(2, channels, 4, 4) if soft else target
    options = {'class_weight': [0.5, 2, 3][: max(channels, 2)]}
    torch.testing.assert_close(
        OHEMCrossEntropyLoss(min_kept=1, **options)(logits, target), CrossEntropyLoss(**options)(logits, target)
    )


# Probabilities of the true class 0: 0.9, 0.6, 0.2, 0.3, and an ignored pixel at 0.01.
PROBABILITIES = torch.tensor([0.9, 0.6, 0.2, 0.3, 0.01], dtype=torch.float64)
LOGITS = torch.stack([PROBABILITIES, 1 - PROBABILITIES]).log().view(1, 2, 1, 5)
TARGET = torch.tensor([[[0, 0, 0, 0, IGNORE]]])


@pytest.mark.parametrize(
    ('thresh', 'min_kept', 'kept'),
    [
        (None, 0.25, [0.2]),
        (None, 0.26, [0.2, 0.3]),
        (None, 0.75, [0.2, 0.3, 0.6]),
        (0.5, 0.01, [0.2, 0.3]),
        (0.7, 0.01, [0.2, 0.3, 0.6]),
        (0.5, 0.75, [0.2, 0.3, 0.6]),
        (0.1, 0.01, [0.2]),
    ],
)
def test_by_hand(thresh, min_kept, kept):
    got = OHEMCrossEntropyLoss(thresh=thresh, min_kept=min_kept)(LOGITS, TARGET)
    assert got.item() == pytest.approx(-sum(math.log(p) for p in kept) / len(kept))


def test_only_hard_pixels_have_a_gradient():
    logits = LOGITS.clone().requires_grad_()
    OHEMCrossEntropyLoss(thresh=0.5)(logits, TARGET).backward()
    assert (logits.grad != 0).any(1).flatten().tolist() == [False, False, True, True, False]


def test_pixels_as_hard_as_the_last_are_all_kept():
    logits, target = torch.zeros(1, 2, 1, 4), torch.zeros(1, 1, 4, dtype=torch.long)
    logits.requires_grad_()
    OHEMCrossEntropyLoss(thresh=None, min_kept=0.25)(logits, target).backward()
    assert (logits.grad != 0).all()


def test_a_soft_target_that_is_met_is_not_hard():
    # The first pixel predicts its target exactly, though its cross entropy ln 2 is the larger of the two.
    soft = torch.tensor([[[[0.5, 1.0]], [[0.5, 0.0]]]], dtype=torch.float64)
    logits = torch.tensor([[[[0.5, 0.6]], [[0.5, 0.4]]]], dtype=torch.float64).log().requires_grad_()
    OHEMCrossEntropyLoss(thresh=None, min_kept=0.5)(logits, soft).backward()
    assert (logits.grad != 0).any(1).flatten().tolist() == [False, True]


@pytest.mark.parametrize(
    'options', [{'thresh': 0}, {'thresh': 1.1}, {'min_kept': 0}, {'min_kept': 2}, {'use_sigmoid': True}]
)
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        OHEMCrossEntropyLoss(**options)
