import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loss_references import boundary_weights

from mmseg_ext.models.losses import BoundaryCrossEntropyLoss, CrossEntropyLoss
from mmseg_ext.models.losses.boundary_cross_entropy import boundary, proximity

IGNORE = 255


@pytest.mark.parametrize('channels', [1, 3])
def test_w0_of_0_is_cross_entropy(channels):
    torch.manual_seed(0)
    logits, target = torch.randn(2, channels, 4, 4), torch.randint(2, (2, 4, 4))
    target[0, 0] = IGNORE
    torch.testing.assert_close(BoundaryCrossEntropyLoss(w0=0)(logits, target), CrossEntropyLoss()(logits, target))


def test_by_hand():
    # Zero logits: each pixel costs ln 2 times its weight. Columns 2 and 3 are the boundary, of distances 2 1 0 0 1.
    target = torch.tensor([[[0, 0, 0, 1, 1]]])
    near = [math.exp(-d * d / 8) for d in (2, 1, 0, 0, 1)]
    got = BoundaryCrossEntropyLoss(w0=3, sigma=2)(torch.zeros(1, 2, 1, 5), target)
    assert got.item() == pytest.approx(math.log(2) * (5 + 3 * sum(near)) / 5)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 3),
    st.sampled_from([0, 0.7, 2, 5]),
)
def test_weights_against_scipys_distance_transform(seed, height, width, band, sigma):
    rng = np.random.default_rng(seed)
    ids = (rng.random((2, height, width)) < rng.choice([0.02, 0.5])).astype(np.int64)
    ids[rng.random(ids.shape) < 0.1] = IGNORE
    target = torch.from_numpy(ids)
    near = proximity(boundary(target, target != IGNORE, band), sigma)
    expected = boundary_weights(ids, 1.0, sigma, band) - 1
    # Beyond 3 sigma along an axis the weight is cut to 0.
    np.testing.assert_allclose(near.numpy(), expected, atol=math.exp(-4.5), rtol=0)
    exact = expected > math.exp(-4.5) + 1e-6
    np.testing.assert_allclose(near.numpy()[exact], expected[exact], rtol=1e-5)


def test_an_ignored_strip_is_bridged_by_a_wider_band():
    ids = torch.tensor([[[0, 0, 0, IGNORE, 1, 1, 1]]])
    valid = ids != IGNORE
    assert not boundary(ids, valid, band=1).any()
    assert boundary(ids, valid, band=2).flatten().tolist() == [False, False, True, False, True, False, False]


def test_the_edge_of_the_image_is_no_boundary():
    ids = torch.ones(1, 4, 4, dtype=torch.long)
    assert not boundary(ids, torch.ones_like(ids, dtype=torch.bool), band=3).any()


def test_weights_of_the_caller_multiply():
    torch.manual_seed(0)
    logits, target, weight = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4)), torch.rand(2, 1, 4, 4)
    loss = BoundaryCrossEntropyLoss()
    torch.testing.assert_close(loss(logits, target, weight=2 * weight), 2 * loss(logits, target, weight=weight))
    torch.testing.assert_close(loss(logits, target, weight=torch.ones(2, 4, 4)), loss(logits, target))


@pytest.mark.parametrize('options', [{'w0': -1}, {'sigma': -1}, {'band': 0}])
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        BoundaryCrossEntropyLoss(**options)
