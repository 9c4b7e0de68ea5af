from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.probability_maps import load_probabilities, save_probabilities


def test_they_come_back_to_half_a_step(tmp_path: Path) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), (20, 30)).transpose(2, 0, 1)
    save_probabilities(tmp_path / 'a.npz', probabilities)
    found = load_probabilities([tmp_path / 'a.npz'])
    assert (found.shape, found.dtype) == ((4, 20, 30), np.float32)
    np.testing.assert_allclose(found, probabilities, atol=1.5 / 255)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    save_probabilities(tmp_path / 'b.npz', probabilities, half=True)
    assert np.load(tmp_path / 'b.npz')['probabilities'].dtype == np.float16
    np.testing.assert_allclose(load_probabilities([tmp_path / 'b.npz']), probabilities, atol=6e-4)
    mean = load_probabilities([tmp_path / 'a.npz', tmp_path / 'b.npz'])  # one weighs as much as the other
    np.testing.assert_allclose(mean, (found + probabilities) / 2, atol=1e-3)


@pytest.mark.parametrize(
    'content',
    [
        {'other': np.zeros((2, 3, 3), np.uint8)},
        {'probabilities': np.ones((3, 3), np.uint8)},
        {'probabilities': np.ones((2, 3, 3))},
        {'probabilities': np.zeros((2, 3, 3), np.uint8)},
        {'probabilities': np.full((2, 3, 3), np.nan, np.float16)},
    ],
)
def test_other_arrays_are_refused(content: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / 'a.npz', **content)
    with pytest.raises(InputError, match=r'a\.npz: probabilities'):
        load_probabilities([tmp_path / 'a.npz'])


def test_damaged_files_and_pickles_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'cut.npz').write_bytes(b'PK\x03\x04')
    (tmp_path / 'empty.npz').write_bytes(b'')
    (tmp_path / 'pickle.npz').write_bytes(pickle.dumps([1]))
    np.save(tmp_path / 'array.npz.npy', np.zeros(3))
    (tmp_path / 'array.npz.npy').rename(tmp_path / 'array.npz')
    for name in ('cut', 'empty', 'pickle', 'array', 'missing'):
        with pytest.raises(InputError, match=rf'{name}\.npz: probabilities cannot be read'):
            load_probabilities([tmp_path / f'{name}.npz'])
