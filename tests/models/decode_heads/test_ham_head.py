from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.models.decode_heads import LightHamHead
from torch import Tensor

from mmseg_ext.models.decode_heads.ham_head import NMF, HamHead


def head(kind: type = HamHead) -> Any:
    init_default_scope('mmseg')
    torch.manual_seed(0)
    return kind(
        in_channels=[4, 6], in_index=[0, 1], channels=8, ham_channels=16, ham_kwargs={'MD_R': 3},
        num_classes=3, norm_cfg={'type': 'GN', 'num_groups': 4},
    )  # fmt: skip


def features(batch: int = 2) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(batch, 4, 8, 10), torch.randn(batch, 6, 4, 5)]


def test_it_has_the_weights_of_mmsegs_head() -> None:
    ours, theirs = head(), head(LightHamHead)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    theirs.hamburger.ham._build_bases = ours.hamburger.ham._build_bases
    torch.testing.assert_close(ours.eval()(features()), theirs.eval()(features()))


def test_evaluation_repeats_itself_and_does_not_see_the_batch() -> None:
    net, maps = head().eval(), features(3)
    with torch.no_grad():
        first = net(maps)
        torch.manual_seed(5)
        torch.testing.assert_close(net(maps), first, rtol=0, atol=0)
        torch.testing.assert_close(net([feature_map[1:2] for feature_map in maps]), first[1:2])
        fresh = head().eval()
        fresh.load_state_dict(net.state_dict())
        torch.testing.assert_close(fresh(maps), first, rtol=0, atol=0)
        mmsegs = head(LightHamHead).eval()
        assert (mmsegs(maps) - mmsegs(maps)).abs().max() > 0  # why ours is here


def test_training_draws_new_bases() -> None:
    ham = NMF(6, {'MD_R': 2}).train()
    x = torch.rand(1, 6, 4, 4)
    assert (ham(x) - ham(x)).abs().max() > 0
    net = head().train()
    net(features(1)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_the_decomposition_is_that_of_numpy() -> None:
    """Multiplicative updates (Lee and Seung, 2001) in float64, from the same bases."""
    torch.manual_seed(0)
    ham = NMF(12, {'MD_R': 3}).eval()
    x = torch.rand(2, 12, 5, 7)
    data, results = x.double().numpy().reshape(2, 12, 35), []
    for v in data:
        w = ham.start[0].double().numpy()
        np.testing.assert_allclose((w**2).sum(0), 1, rtol=1e-6)
        h = np.exp(v.T @ w)
        h /= h.sum(1, keepdims=True)
        for _ in range(7):
            h = h * (v.T @ w) / (h @ w.T @ w + 1e-6)
            w = w * (v @ h) / (w @ h.T @ h + 1e-6)
        h = h * (v.T @ w) / (h @ w.T @ w + 1e-6)
        results.append((w @ h.T).reshape(12, 5, 7))
    np.testing.assert_allclose(ham(x).numpy(), np.stack(results), rtol=1e-4)


def test_a_map_of_few_parts_is_returned_as_it_is() -> None:
    torch.manual_seed(0)
    parts, weights = torch.rand(12, 1), torch.rand(1, 40)
    x = (parts @ weights).reshape(1, 12, 5, 8)
    torch.testing.assert_close(NMF(12, {'MD_R': 3}).eval()(x), x, rtol=0.03, atol=0.005)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_autocast_leaves_the_decomposition_in_float32(dtype: torch.dtype) -> None:
    ham = NMF(12, {'MD_R': 3}).eval()
    x = torch.rand(1, 12, 6, 6).to(dtype)
    expected = ham(x.float())
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(ham(x), expected)
