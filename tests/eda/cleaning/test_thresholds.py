from __future__ import annotations

import pytest

from mmseg_ext.eda.cleaning import Thresholds
from mmseg_ext.errors import InputError


def test_changed_reads_numbers_by_name() -> None:
    limits = Thresholds().changed(['noise_area=25', 'scrap_share=0.5'])
    assert (limits.noise_area, limits.scrap_share) == (25, 0.5)
    assert limits == Thresholds(noise_area=25, scrap_share=0.5)


@pytest.mark.parametrize(
    ('pair', 'words'),
    [
        ('noise_area', 'NAME=VALUE'),
        ('speck_area=3', 'noise_area'),
        ('noise_area=2.5', 'whole number'),
        ('noise_area=-1', '0 or more'),
        ('noise_area=', 'whole number'),
        ('scrap_share=1.5', 'from 0 to 1'),
        ('scrap_share=nan', 'from 0 to 1'),
        ('scrap_share=much', 'a number'),
        ('staircase_step=1', '2 or more'),
    ],
)
def test_a_wrong_threshold_is_named(pair: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        Thresholds().changed([pair])
    assert pair.split('=')[0] in str(error.value)


def test_thorough_lifts_the_limits_on_fine_detail_alone() -> None:
    assert Thresholds(noise_area=7).thorough() == Thresholds(noise_area=7, fine_detail=1, pinhole_detail=1)
