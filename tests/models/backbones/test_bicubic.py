from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmseg_ext.models.backbones.bicubic import cubic_weights


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


@settings(max_examples=60)
@given(source=st.integers(2, 40), target=st.integers(1, 60), seed=st.integers(0, 99))
def test_with_antialiasing_it_is_torchs_interpolation_to_a_size(source: int, target: int, seed: int) -> None:
    values = torch.randn(source, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    square = values[None, None, :, None].expand(1, 1, source, source)  # constant along the other axis
    expected = F.interpolate(square, (target, source), mode='bicubic', antialias=True)[0, 0, :, 0]
    found = cubic_weights(source, target, scalar(source / target), antialias=True) @ values
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@settings(max_examples=60)
@given(
    source=st.integers(2, 40),
    target=st.integers(1, 60),
    extra=st.sampled_from([0.0, 0.1, 0.37, 0.9]),
    seed=st.integers(0, 99),
)
def test_without_it_is_torchs_interpolation_by_a_factor(source: int, target: int, extra: float, seed: int) -> None:
    assume(source != target)  # torch copies then, whatever the factor
    values = torch.randn(source, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    square = values[None, None, :, None].expand(1, 1, source, source)
    factor = (target + extra) / source
    expected = F.interpolate(square, scale_factor=(factor, 1.0), mode='bicubic')[0, 0, :, 0]
    found = cubic_weights(source, len(expected), scalar(1 / factor), antialias=False) @ values
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_by_hand() -> None:
    """Halfway between two values the kernel of a = −0.75 is −3/32, 19/32, 19/32, −3/32; beyond the border is its value.

    With a = −0.5 and a step of 2 the kernel at ±1/4, ±3/4, ±5/4 and ±7/4 is 111, 29, −9 and −3, in 128ths.
    """
    plain = cubic_weights(4, 2, scalar(2.0), antialias=False)
    assert (plain * 32).tolist() == [[-3 + 19, 19, -3, 0], [0, -3, 19, 19 - 3]]
    wide = cubic_weights(4, 2, scalar(2.0), antialias=True)
    expected = [[111 / 242, 111 / 242, 29 / 242, -9 / 242], [-9 / 242, 29 / 242, 111 / 242, 111 / 242]]
    torch.testing.assert_close(wide, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize('antialias', [True, False])
def test_the_same_size_is_the_identity_to_the_last_bit(antialias: bool) -> None:
    assert torch.equal(cubic_weights(37, 37, torch.tensor(1.0), antialias), torch.eye(37))
