from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.converters.labelme.paint import paint_shapes
from mmseg_ext.errors import InputError

VALUES = {'background': 0, 'cat': 1, 'dog': 2, '__ignore__': 255}


def bar(label: str, left: int, right: int) -> dict[str, Any]:
    return {'label': label, 'points': [[left, 0], [right, 0]], 'shape_type': 'rectangle'}


def test_a_later_shape_is_painted_over_an_earlier_one() -> None:
    painting = paint_shapes([bar('cat', 0, 3), bar('dog', 2, 5)], (1, 8), VALUES, 'a.json')
    assert painting.mask.tolist() == [[1, 1, 2, 2, 2, 2, 0, 0]]
    assert painting.owner.tolist() == [[0, 0, 1, 1, 1, 1, -1, -1]]
    assert painting.overlaps == {('cat', 'dog'): 2}
    assert painting.painted == 2


def test_overlaps_count_between_different_classes_only() -> None:
    shapes = [bar('cat', 0, 4), bar('cat', 2, 5), bar('background', 0, 1), bar('__ignore__', 2, 3), bar('dog', 0, 4)]
    painting = paint_shapes(shapes, (1, 6), VALUES, 'a.json')
    assert painting.mask.tolist() == [[2, 2, 2, 2, 2, 1]]
    assert painting.overlaps == {('cat', 'dog'): 1}


def test_background_erases_and_ignore_is_painted() -> None:
    painting = paint_shapes([bar('cat', 0, 3), bar('background', 1, 1), bar('__ignore__', 3, 4)], (1, 6), VALUES, 'a')
    assert painting.mask.tolist() == [[1, 0, 1, 255, 255, 0]]
    assert not painting.overlaps


def test_ignored_labels_are_left_out_whatever_their_shape() -> None:
    line = {'label': 'whisker', 'points': [[0, 0], [1, 1]], 'shape_type': 'line'}
    painting = paint_shapes([line, bar('cat', 0, 0)], (1, 2), VALUES, 'a.json', ['whisker'])
    assert painting.mask.tolist() == [[1, 0]]
    assert painting.owner.tolist() == [[1, -1]]
    assert (painting.painted, painting.skipped) == (1, 1)


def test_errors_name_the_file_the_shape_and_the_label() -> None:
    with pytest.raises(InputError, match=r"^a\.json: shape 2 has the unknown label 'wolf'; rename it to one of .*dog"):
        paint_shapes([bar('cat', 0, 0), bar('wolf', 0, 0)], (1, 2), VALUES, 'a.json')
    with pytest.raises(InputError, match=r'^a\.json: shape 1 \(cat\): `points:` must be'):
        paint_shapes([{'label': 'cat'}], (1, 2), VALUES, 'a.json')
