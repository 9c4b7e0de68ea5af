from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import ModelInfo
from mmseg_ext.inference.views import Views, choose_views, fit, pad, resize


def test_sizes_by_hand() -> None:
    assert fit(256, 256, (320, 320)) == (320, 320)
    assert fit(1000, 2000, (320, 320)) == (160, 320)
    assert fit(1000, 2000, (2048, 512)) == (512, 1024)  # the shorter side is what binds
    assert fit(64, 96, (math.inf, 32)) == (32, 64)  # 48 lies between 32 and 64: the even multiple
    assert fit(100, 50, None) == (96, 64)
    assert fit(10, 10_000, (320, 320)) == (32, 320)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(32, 1024))
def test_views_are_made_of_whole_strides_and_fit(height: int, width: int, size: int) -> None:
    view = fit(height, width, (size, size))
    assert all(side % 32 == 0 and 32 <= side <= size + 16 for side in view)
    if min(height, width) / max(height, width) * size >= 32:
        assert abs(view[0] - height * size / max(height, width)) <= 16


def test_growing_interpolates_and_shrinking_averages() -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    image[:, 2:] = 200
    np.testing.assert_array_equal(resize(image, 1, 2)[0, :, 0], [0, 200])
    np.testing.assert_array_equal(resize(image, 1, 1)[0, 0], [100, 100, 100])
    np.testing.assert_array_equal(resize(image, 2, 8)[0, :, 0], [0, 0, 0, 50, 150, 200, 200, 200])
    image[:, 2] = 0
    np.testing.assert_array_equal(resize(image, 2, 1)[0, 0], [50, 50, 50])  # bilinear would see the middle two only
    assert resize(image, 2, 4) is image


def test_padding_mirrors_the_border() -> None:
    image = np.arange(5 * 33 * 3, dtype=np.uint8).reshape(5, 33, 3)
    padded = pad(image)
    assert padded.shape == (32, 64, 3)
    np.testing.assert_array_equal(padded[:5, :33], image)
    np.testing.assert_array_equal(padded[5, :33], image[4])
    np.testing.assert_array_equal(padded[:5, 33], image[:, 32])
    assert pad(padded) is padded


def test_what_the_config_says_unless_asked_otherwise(info: ModelInfo) -> None:
    model = replace(info, size=(320.0, 320.0), tta_sizes=((256.0, 256.0), (320.0, 320.0)), tile=320, stride=213)
    assert choose_views(model) == Views(((320, 320),), False, None, 213)
    assert choose_views(model, tta=True) == Views(((256, 256), (320, 320)), True, None, 213)
    assert choose_views(model, size=500).sizes == ((500, 500),)
    assert choose_views(model, tta=True, size=500).sizes == ((400, 400), (500, 500), (600, 600))
    assert choose_views(model, mode='slide') == Views((None,), False, 320, 213)
    assert choose_views(model, mode='slide', size=640) == Views(((640, 640),), False, 320, 213)
    slides = replace(model, mode='slide', tile=300)
    assert choose_views(slides) == Views(((320, 320),), False, 288, 213)  # tiles of whole strides
    assert choose_views(slides, mode='whole').tile is None
    assert choose_views(replace(model, tta_flip=False), tta=True).flip is False
    assert choose_views(replace(model, size=None), tta=True).sizes == ((256, 256), (320, 320))
    assert choose_views(model, tta=True, mode='slide') == Views((None,), True, 320, 213)
    assert choose_views(info, tta=True) == Views((None,), True, None, 384)
    with pytest.raises(InputError, match='`size=31`: must be at least 32'):
        choose_views(info, size=31)


def test_augmentation_that_adds_no_view_is_refused_where_it_is_asked_for(info: ModelInfo) -> None:
    bare = replace(info, size=(320.0, 320.0), tta_flip=False)
    several = replace(bare, tta_sizes=((256.0, 256.0), (320.0, 320.0)))
    for model, mode in ((bare, None), (replace(bare, tta_sizes=((256.0, 256.0),)), None), (several, 'slide')):
        with pytest.raises(InputError, match=r'^a\.onnx: has no further views for `tta`: .*; predict without `tta`$'):
            choose_views(model, tta=True, mode=mode, name='a.onnx')
    assert choose_views(bare, tta=None) == choose_views(bare)
    assert choose_views(several, tta=None) == choose_views(several, tta=True)
    assert choose_views(bare, tta=True, size=320).sizes == ((256, 256), (320, 320), (384, 384))
