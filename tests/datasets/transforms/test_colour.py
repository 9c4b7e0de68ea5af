from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmseg_ext.datasets.transforms import PhotoMetricDistortion


def test_no_change_of_hue_at_all() -> None:
    """Without changes of brightness, contrast and saturation nothing is left to change."""
    distort = PhotoMetricDistortion(0, (1, 1), (1, 1), hue_delta=0)
    grey = np.full((2, 3, 3), 100, np.uint8)
    for seed in range(8):
        np.random.seed(seed)
        np.testing.assert_array_equal(distort({'img': grey.copy()})['img'], grey)


@pytest.mark.parametrize(
    'arguments',
    [
        {'brightness_delta': -1},
        {'hue_delta': -1},
        {'contrast_range': (1.5, 0.5)},
        {'saturation_range': (-0.1, 1)},
    ],
)
def test_impossible_ranges_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='PhotoMetricDistortion: needs deltas of at least 0'):
        PhotoMetricDistortion(**arguments)
