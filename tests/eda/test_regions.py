from __future__ import annotations

import numpy as np

from mmseg_ext.eda.regions import find_regions


def test_no_region() -> None:
    regions = find_regions(np.zeros((4, 5), bool))
    assert len(regions) == 0
    assert regions.labels.shape == (4, 5)
    assert regions.boxes.shape == (0, 4)


def test_diagonal_neighbours_are_one_region_and_numbers_follow_the_first_pixel() -> None:
    binary = np.array([[0, 0, 0, 0, 1], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0]], bool)
    regions = find_regions(binary)
    assert regions.areas.tolist() == [1, 2]
    assert regions.boxes.tolist() == [[4, 0, 1, 1], [0, 1, 2, 2]]
    assert regions.labels.tolist() == [[0, 0, 0, 0, 1], [2, 0, 0, 0, 0], [0, 2, 0, 0, 0]]
