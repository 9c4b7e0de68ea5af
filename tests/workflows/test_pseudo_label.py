from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.workflows.pseudo_label import constrained_mask

# Chances of background, cat and dog at five pixels of one row.
CHANCES = np.array([[0.9, 0.75, 0.5, 0.4, 0.1], [0.1, 0.1, 0.3, 0.1, 0.8], [0.0, 0.15, 0.2, 0.5, 0.1]])[:, None, :]


def test_the_folder_names_the_class_and_the_model_the_outline() -> None:
    np.testing.assert_array_equal(constrained_mask(CHANCES, [1], 0.3, 0.6), [[0, 0, 255, 1, 1]])
    np.testing.assert_array_equal(constrained_mask(CHANCES, [2], 0.3, 0.6), [[0, 0, 255, 2, 2]])


def test_of_several_known_classes_the_likeliest_is_taken() -> None:
    np.testing.assert_array_equal(constrained_mask(CHANCES, [1, 2], 0.3, 0.6), [[0, 0, 255, 2, 1]])
    np.testing.assert_array_equal(constrained_mask(CHANCES, [1, 2], 0.5, 0.5, 9), [[0, 0, 1, 2, 1]])


@pytest.mark.parametrize('present', [[], [0], [0, 1]])
def test_background_is_no_class_of_an_object(present: list[int]) -> None:
    with pytest.raises(ValueError, match='present'):
        constrained_mask(CHANCES, present, 0.3, 0.6)


def test_thresholds_are_in_order() -> None:
    with pytest.raises(ValueError, match='low <= high'):
        constrained_mask(CHANCES, [1], 0.6, 0.3)
