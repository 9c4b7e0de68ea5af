from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.data.masks import write_mask
from mmseg_ext.eda.class_weights import (
    ClassPixels,
    balanced,
    check_out,
    class_weights,
    count_class_pixels,
    enet,
    median_frequency,
    write_weights,
)
from mmseg_ext.errors import InputError

WriteSet = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two masks of 2×3 pixels: 5 pixels of class 0, 2 of class 1, 3 of class 2 (in the second only), 2 ignored."""
    (tmp_path / 'dataset.yaml').write_text(
        'classes: [background, cat, dog]\npalette: [[0, 0, 0], [9, 9, 9], [5, 5, 5]]\nignore_index: 200\n'
    )
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    for name, mask in (('a', [[0, 0, 0], [1, 200, 200]]), ('b', [[0, 0, 1], [2, 2, 2]])):
        path = tmp_path / 'labels' / 'train' / f'{name}.png'
        write_mask(path, np.array(mask, np.uint8), [(i, i, i) for i in range(3)])
    return tmp_path


def test_counts_by_hand(root: Path) -> None:
    counted = count_class_pixels(root)
    assert counted.classes == ('background', 'cat', 'dog')
    assert counted.pixels.tolist() == [5, 2, 3]
    assert counted.pixels_of_images.tolist() == [10, 10, 6]  # the four that are not ignored, and six
    assert counted.shares.tolist() == [0.5, 0.2, 0.3]


@pytest.mark.parametrize(
    ('method', 'per_image', 'expected'),
    [
        ('median-frequency', False, [3 / 5, 3 / 2, 1]),
        ('median-frequency', True, [1, 5 / 2, 1]),  # frequencies 1/2, 1/5, 1/2
        ('balanced', False, [10 / 15, 10 / 6, 10 / 9]),
        ('enet', False, [1 / math.log(1.52), 1 / math.log(1.22), 1 / math.log(1.32)]),
    ],
)
def test_weights_by_hand(root: Path, method: str, per_image: bool, expected: list[float]) -> None:
    result = class_weights(root, method=method, per_image=per_image)
    assert result['classes'] == ['background', 'cat', 'dog']
    assert result['weights'] == pytest.approx(expected, rel=1e-12)


def test_the_median_of_an_even_number_is_between_the_middle_two() -> None:
    counted = ClassPixels(('a', 'b'), np.array([1, 3]), np.array([4, 4]))
    assert median_frequency(counted) == [2, pytest.approx(2 / 3)]


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=9))
def test_properties_of_the_weights(pixels: list[int]) -> None:
    counted = ClassPixels(tuple(map(str, pixels)), np.array(pixels), np.full(len(pixels), sum(pixels)))
    total = sum(Fraction(weight) * count for weight, count in zip(balanced(counted), pixels, strict=True))
    assert float(total / sum(pixels)) == pytest.approx(1)  # balanced weights leave the mean over pixels at 1
    assert median_frequency(counted, per_image=True) == pytest.approx(median_frequency(counted))
    by_count = np.argsort(pixels, kind='stable')
    for weights in (median_frequency(counted), balanced(counted), enet(counted)):
        assert np.all(np.diff(np.array(weights)[by_count]) <= 0)  # the rarer, the heavier
    assert all(1 < weight < 50.6 for weight in enet(counted))


def test_a_class_without_pixels_is_named(root: Path) -> None:
    (root / 'labels' / 'train' / 'b.png').unlink()
    with pytest.raises(InputError, match=r'labels/train: has no pixel of class dog, so .* `absent=largest`'):
        class_weights(root)
    with pytest.raises(InputError, match='`absent=none` is not one of refuse, largest, zero'):
        class_weights(root, absent='none')  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ('method', 'expected'),
    [
        ('median-frequency', [2 / 3, 2]),  # of the frequencies 3/4 and 1/4
        ('balanced', [4 / 6, 4 / 2]),
        ('enet', [1 / math.log(1.77), 1 / math.log(1.27)]),
    ],
)
def test_a_class_without_pixels_gets_the_largest_weight_or_none(root: Path, method: str, expected: list[float]) -> None:
    (root / 'labels' / 'train' / 'b.png').unlink()
    assert class_weights(root, method=method, absent='zero')['weights'] == pytest.approx([*expected, 0])
    largest = class_weights(root, method=method, absent='largest')
    assert largest == {'classes': ['background', 'cat', 'dog'], 'weights': pytest.approx([*expected, expected[1]])}
    write_mask(root / 'labels' / 'train' / 'a.png', np.full((2, 3), 200, np.uint8), [(0, 0, 0)] * 3)
    with pytest.raises(InputError, match='labels/train: all pixels of its masks are ignored'):
        class_weights(root, method=method, absent='zero')


def test_wrong_use_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="'inverse' is not one of median-frequency, balanced, enet"):
        class_weights(root, method='inverse')
    with pytest.raises(InputError, match='are for median-frequency, not for enet'):
        class_weights(root, method='enet', per_image=True)
    with pytest.raises(InputError, match='labels/val: holds no masks'):
        class_weights(root, split='val')


def test_files_hold_the_weights(tmp_path: Path) -> None:
    weights = {'classes': ['a', 'b'], 'weights': [0.1, 1.0]}
    write_weights(tmp_path / 'w.json', weights)
    write_weights(tmp_path / 'w.npy', weights)
    assert json.loads((tmp_path / 'w.json').read_text()) == weights
    assert np.load(tmp_path / 'w.npy').tolist() == [0.1, 1.0]
    with pytest.raises(InputError, match=r'w\.json: exists'):
        check_out(tmp_path / 'w.json')
    check_out(tmp_path / 'w.json', overwrite=True)
    (tmp_path / 'folder.json').mkdir()
    with pytest.raises(InputError, match=r'folder\.json: is a folder; choose another `out`'):
        check_out(tmp_path / 'folder.json', overwrite=True)
    with pytest.raises(InputError, match='must end in'):
        check_out(tmp_path / 'w.pkl')


def test_the_references_weights(shared_data: Path) -> None:
    weights = class_weights(shared_data / 'pets')['weights']
    assert [float(f'{weight:.3g}') for weight in weights] == [0.0552, 1.0, 1.19]
    assert f'{weights[0]:.3f}' == '0.055'
    nominal = ClassPixels(('background', 'cat', 'dog'), np.array([90, 5, 5]), np.array([100, 100, 100]))
    assert [f'{weight:.2f}' for weight in balanced(nominal)] == ['0.37', '6.67', '6.67']
