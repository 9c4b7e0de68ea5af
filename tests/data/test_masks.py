from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import InputError

PALETTE = [(0, 0, 0), (255, 128, 0), (10, 20, 30)]
MASK = np.array([[0, 1, 2], [2, 2, 0]], dtype=np.uint8)


@given(
    mask=npst.arrays(np.uint8, npst.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 2)),
    n_colours=st.integers(3, 256),
)
def test_indices_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, mask: NDArray[np.uint8], n_colours: int
) -> None:
    path = tmp_path_factory.mktemp('masks') / 'a.png'
    write_mask(path, mask, [(i, 255 - i, 0) for i in range(n_colours)])
    back = read_mask(path)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, mask)


@pytest.mark.parametrize('n_colours', [2, 3, 5])
def test_the_ignored_value_survives_the_round_trip(tmp_path: Path, n_colours: int) -> None:
    mask = np.array([[0, 1, 255]], dtype=np.uint8)
    write_mask(tmp_path / 'a.png', mask, [(i, i, i) for i in range(n_colours)])
    np.testing.assert_array_equal(read_mask(tmp_path / 'a.png'), mask)


def test_a_viewer_sees_the_palettes_colours(tmp_path: Path) -> None:
    write_mask(tmp_path / 'a.png', MASK, PALETTE)
    with Image.open(tmp_path / 'a.png') as image:
        assert image.mode == 'P'
        np.testing.assert_array_equal(np.asarray(image.convert('RGB')), np.array(PALETTE, np.uint8)[MASK])


def test_a_grey_mask_is_read_as_its_values(tmp_path: Path) -> None:
    mask = np.array([[0, 1, 255]], dtype=np.uint8)
    Image.fromarray(mask).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'a.png'), mask)


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'LA', 'I;16'])
def test_a_picture_that_is_no_mask_is_refused_by_its_mode(tmp_path: Path, mode: str) -> None:
    path = tmp_path / 'a.png'
    Image.new(mode, (3, 2)).save(path)
    with pytest.raises(InputError) as caught:
        read_mask(path)
    message = str(caught.value)
    assert message.startswith(f'{path}: ')
    assert mode in message
    assert '\n' not in message


@pytest.mark.parametrize('kept', [0, 4, 20, 40, 60])
def test_a_damaged_file_is_one_line(tmp_path: Path, kept: int) -> None:
    path = tmp_path / 'a.png'
    write_mask(path, MASK, PALETTE)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError) as caught:
        read_mask(path)
    message = str(caught.value)
    assert str(path) in message
    assert '\n' not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'a\.png: mask not found'):
        read_mask(tmp_path / 'a.png')


@pytest.mark.parametrize('mask', [MASK[None], MASK.astype(np.int64), MASK.astype(bool)])
def test_only_uint8_planes_are_written(tmp_path: Path, mask: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match='uint8'):
        write_mask(tmp_path / 'a.png', mask, PALETTE)
    assert list(tmp_path.iterdir()) == []
