import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_references import iou_loss, lovasz

from mmseg_ext.models.losses import LovaszHingeLoss, LovaszSoftmaxLoss
from mmseg_ext.models.losses.lovasz import iou_steps

IGNORE = 255


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.booleans())
def test_it_is_the_convex_closure_of_one_minus_iou(size, seed, weighted):
    # 1 - IoU is submodular, so its Lovász extension is the largest of the sums over all orders of the pixels.
    rng = np.random.default_rng(seed)
    logits, truth = rng.normal(size=size), rng.integers(2, size=size)
    truth[0] = 1
    a = rng.uniform(0.5, 2, size) if weighted else np.ones(size)
    errors = np.abs(truth - 1 / (1 + np.exp(-logits)))
    sums = []
    for order in itertools.permutations(range(size)):
        wrong, before, total = np.zeros(size, bool), 0.0, 0.0
        for pixel in order:
            wrong[pixel] = True
            after = iou_loss(wrong, truth, a)
            total += errors[pixel] * (after - before)
            before = after
        sums.append(total)
    got = LovaszSoftmaxLoss()(
        torch.from_numpy(logits).view(1, 1, 1, -1),
        torch.from_numpy(truth).view(1, 1, -1),
        weight=torch.from_numpy(a).view(1, 1, -1),
    ).item()
    assert got == pytest.approx(max(sums), rel=1e-9)
    assert got == pytest.approx(lovasz(errors, truth, a), rel=1e-9)


@pytest.mark.parametrize('per', ['batch', 'image'])
def test_equals_one_minus_iou_at_every_vertex(per):
    # All 3^4 hard predictions of two images of two pixels.
    target = torch.tensor([[[0, 1]], [[1, 2]]])
    truth = target.numpy()
    units = [[0], [1]] if per == 'image' else [[0, 1]]
    for predicted in itertools.product(range(3), repeat=4):
        hard = np.array(predicted).reshape(2, 1, 2)
        logits = F.one_hot(torch.from_numpy(hard), 3).movedim(-1, 1) * 1000.0
        means = []
        for unit in units:
            p, t = hard[unit], truth[unit]
            ious = [((p == c) & (t == c)).sum() / ((p == c) | (t == c)).sum() for c in np.unique(t)]
            means.append(1 - np.mean(ious))
        assert LovaszSoftmaxLoss(per=per)(logits, target).item() == pytest.approx(np.mean(means))


@pytest.mark.parametrize('predicted', list(itertools.product([0, 1], repeat=4)))
def test_hinge_at_the_vertices(predicted):
    # At logits of ±1 the errors are 0 and 2.
    target = torch.tensor([[[0, 1, 1, 0]]])
    logits = 2 * torch.tensor(predicted, dtype=torch.float32).view(1, 1, 1, 4) - 1
    p, t = np.array(predicted), target.flatten().numpy()
    expected = 2 * (1 - (p & t).sum() / (p | t).sum())
    assert LovaszHingeLoss()(logits, target).item() == pytest.approx(expected)


def test_hinge_limits():
    target = torch.tensor([[[0, 1]]])
    assert LovaszHingeLoss()(torch.tensor([[[[-1.0, 1.0]]]]), target).item() == 0
    assert LovaszHingeLoss()(torch.zeros(1, 1, 1, 2), target).item() == 1


def test_an_absent_class_costs_its_largest_probability():
    p = torch.tensor([0.2, 0.7, 0.4], dtype=torch.float64)
    logits, target = p.logit().view(1, 1, 1, 3), torch.zeros(1, 1, 3, dtype=torch.long)
    assert LovaszSoftmaxLoss(absent='count')(logits, target).item() == pytest.approx(0.7)
    assert LovaszSoftmaxLoss(absent='skip')(logits, target).item() == 0


def test_by_hand():
    # Errors 0.75 (outside), 0.5 (inside), 0.25 (inside), of two pixels inside: 1 - IoU is 1/3, 2/3, 1.
    p = torch.tensor([0.75, 0.5, 0.75], dtype=torch.float64)
    got = LovaszSoftmaxLoss()(p.logit().view(1, 1, 1, 3), torch.tensor([[[0, 1, 1]]]))
    assert got.item() == pytest.approx((0.75 + 0.5 + 0.25) / 3)


def test_integer_pixel_weights_repeat_pixels():
    torch.manual_seed(0)
    logits, target, times = torch.randn(1, 3, 1, 6), torch.randint(3, (1, 1, 6)), torch.tensor([0, 1, 2, 3, 1, 2])
    for loss in (LovaszSoftmaxLoss(), LovaszHingeLoss()):
        repeated = loss(logits.repeat_interleave(times, 3), target.repeat_interleave(times, 2))
        torch.testing.assert_close(loss(logits, target, weight=times.float().view(1, 1, 1, 6)), repeated)


def test_steps_of_a_large_batch_are_not_rounded():
    # After k pixels of the class and f others, the next adds 1 / (K + f) if it is of the class, and otherwise
    # (K - k) (1 / (K + f) - 1 / (K + f + 1)): less than the spacing of float32 numbers below 1.
    inside = torch.rand(2**17, generator=torch.Generator().manual_seed(0)) < 0.5
    K = inside.sum().double()
    k, f = inside.double().cumsum(0), (~inside).double().cumsum(0)
    expected = torch.where(inside, 1 / (K + f), (K - k) / ((K + f) * (K + f - 1)))
    torch.testing.assert_close(iou_steps(inside.float(), (~inside).float()), expected, rtol=1e-6, atol=1e-15)
