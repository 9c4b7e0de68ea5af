from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ext.eda.audit.image_hash import find_near_pairs


def flipped(value: np.ndarray, bits: list[int]) -> np.ndarray:
    changed = np.unpackbits(value)
    changed[bits] ^= 1
    return np.packbits(changed)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(0, 15))
def test_every_pair_within_fifteen_bits_is_found(seed: int, number: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 256, (3, 32), np.uint8)
    rows = [flipped(base[rng.integers(3)], rng.choice(256, rng.integers(most + 1), False)) for _ in range(number)]
    hashes = np.array(rows)
    apart = np.unpackbits(hashes[:, None] ^ hashes[None], axis=2).sum(axis=2)
    found = set(find_near_pairs(hashes, 15))
    assert all(i < j and apart[i, j] <= 15 for i, j in found)
    # Of equal hashes only the first is compared, so that the rest are reached through it.
    originals = [int(np.flatnonzero(apart[i] == 0)[0]) for i in range(number)]
    for i in range(number):
        for j in range(i + 1, number):
            if apart[i, j] <= 15:
                assert (i, j) in found or originals[i] != i or originals[j] not in (i, j)


def test_far_hashes_are_no_pairs() -> None:
    hashes = np.random.default_rng(0).integers(0, 256, (300, 32), np.uint8)
    assert list(find_near_pairs(hashes, 40)) == []
    hashes[:, :2] = 7  # they agree in a band, and so all are compared
    assert list(find_near_pairs(hashes, 40)) == []


@pytest.mark.parametrize('number', [0, 1])
def test_nothing_to_compare(number: int) -> None:
    assert list(find_near_pairs(np.zeros((number, 32), np.uint8), 40)) == []


def test_equal_hashes_take_linear_time() -> None:
    assert list(find_near_pairs(np.zeros((20_000, 32), np.uint8), 40)) == [(0, i) for i in range(1, 20_000)]
