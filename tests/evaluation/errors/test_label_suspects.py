from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.errors.label_suspects import mask_agreement, read_correction, suspect_label
from mmseg_ext.evaluation.errors.result_dir import open_result


def square(*where: slice) -> np.ndarray:
    mask = np.zeros((60, 60), np.uint8)
    mask[where] = 1
    return mask


WHOLE, HALF = square(np.s_[10:50], np.s_[10:50]), square(np.s_[10:50], np.s_[10:30])


def test_a_sure_contradiction_of_half_an_object_is_suspect(scenes: ModuleType) -> None:
    sure = suspect_label(HALF, scenes.one_hot(WHOLE, 3, 0.95))
    assert sure.is_suspect
    assert sure.kind == 'missing part'
    assert suspect_label(WHOLE, scenes.one_hot(HALF, 3, 0.95)).kind == 'extra area'


def test_an_unsure_model_and_another_class_are_no_suspicion(scenes: ModuleType) -> None:
    assert not suspect_label(HALF, scenes.one_hot(WHOLE, 2, 0.6)).is_suspect
    assert not suspect_label(WHOLE, scenes.one_hot(2 * WHOLE, 3, 0.95)).is_suspect
    assert not suspect_label(WHOLE, scenes.one_hot(WHOLE, 3, 0.95)).is_suspect


@pytest.mark.parametrize('background', [1, 2])
def test_the_background_may_be_any_class(scenes: ModuleType, background: int) -> None:
    order = np.array([background, *(n for n in range(3) if n != background)], np.uint8)  # own number → number here
    half, probabilities = order[HALF], scenes.one_hot(order[WHOLE], 3, 0.95)
    half[0, 0] = 255
    expected = suspect_label(np.where(half == 255, 255, HALF).astype(np.uint8), scenes.one_hot(WHOLE, 3, 0.95))
    assert suspect_label(half, probabilities, background) == expected


def test_agreement_by_hand() -> None:
    first = np.array([[0, 1, 1, 2, 255]], np.uint8)
    second = np.array([[0, 1, 2, 0, 1]], np.uint8)
    assert mask_agreement(first, second, 0, 255) == pytest.approx(1 / 3)
    assert mask_agreement(first, second, None, 255) == pytest.approx(2 / 4)
    assert mask_agreement(first[:, :1], second[:, :1], 0, 255) == 1


def test_a_correction_is_scored(scenes: ModuleType, tmp_path: Path) -> None:
    result = scenes.write_result(tmp_path, scenes.random_masks(2, 3, 24), 3)
    data = result.parent / 'data'
    shutil.copytree(data / 'labels', data / 'fixed')
    shutil.copy(result / 'masks/i01.png', data / 'fixed/val/i01.png')
    correction = read_correction(open_result(result), 'fixed')
    assert correction.agreement['i00'] == 1
    assert correction.agreement['i01'] < 1
    assert np.trace(correction.confusion[1]) == 24 * 24
    (data / 'fixed/val/i00.png').unlink()
    with pytest.raises(InputError, match=r'fixed/val/i00\.png'):
        read_correction(open_result(result), 'fixed')
