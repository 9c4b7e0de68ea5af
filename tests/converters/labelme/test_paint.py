from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.converters.labelme import paint
from mmseg_ext.converters.labelme.paint import PaintRules, paint_shapes
from mmseg_ext.data.labelme import shapes as drawing
from mmseg_ext.errors import CombinedInputError, InputError

VALUES = {'background': 0, 'cat': 1, 'dog': 2, '__ignore__': 255, '_background_': 0}


def bar(label: str, left: int, right: int) -> dict[str, Any]:
    return {'label': label, 'points': [[left, 0], [right, 0]], 'shape_type': 'rectangle'}


def test_a_later_shape_is_painted_over_an_earlier_one() -> None:
    painting = paint_shapes([bar('cat', 0, 3), bar('dog', 2, 5)], (1, 8), VALUES, 'a.json')
    assert painting.mask.tolist() == [[1, 1, 2, 2, 2, 2, 0, 0]]
    assert painting.owner.tolist() == [[0, 0, 1, 1, 1, 1, -1, -1]]
    assert painting.overlaps == {('cat', 'dog'): 2}
    assert painting.painted == {'cat': 1, 'dog': 1}


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
    painting = paint_shapes([line, bar('cat', 0, 0)], (1, 2), VALUES, 'a.json', PaintRules(['whisker']))
    assert painting.mask.tolist() == [[1, 0]]
    assert painting.owner.tolist() == [[1, -1]]
    assert (painting.painted, painting.ignored) == ({'cat': 1}, {'whisker': 1})


def test_errors_name_the_file_the_shape_and_the_label() -> None:
    with pytest.raises(InputError, match=r"^a\.json: shape 2 has the unknown label 'wolf'; rename it to one of .*dog"):
        paint_shapes([bar('cat', 0, 0), bar('wolf', 0, 0)], (1, 2), VALUES, 'a.json')
    with pytest.raises(InputError, match=r'^a\.json: shape 1 \(cat\): `points:` must be'):
        paint_shapes([{'label': 'cat'}], (1, 2), VALUES, 'a.json')


def test_all_bad_shapes_of_a_file_are_named_and_degenerate_ones_can_be_left_out() -> None:
    line = {'label': 'cat', 'points': [[0, 0], [1, 1]], 'shape_type': 'line'}
    shapes = [line, bar('cat', 0, 3), bar('wolf', 0, 0), {'label': 'dog', 'points': [[1, 1]]}]
    with pytest.raises(CombinedInputError) as caught:
        paint_shapes(shapes, (1, 8), VALUES, 'a.json')
    first, second, third = (str(problem) for problem in caught.value.problems)
    assert first.startswith("a.json: shape 1 (cat): its type 'line' covers no area")
    assert second.startswith("a.json: shape 3 has the unknown label 'wolf'")
    assert third.startswith('a.json: shape 4 (dog): a polygon needs 3 points')
    del shapes[2]
    painting = paint_shapes(shapes, (1, 8), VALUES, 'a.json', PaintRules(skip_degenerate=True))
    assert painting.mask.tolist() == [[1, 1, 1, 1, 0, 0, 0, 0]]
    assert painting.degenerate == {0: "its type 'line' covers no area", 2: 'a polygon needs 3 points or more, found 1'}


def test_small_over_large_by_area_and_what_is_hidden_by_the_list() -> None:
    shapes = [bar('dog', 2, 3), bar('cat', 0, 5), bar('cat', 4, 4), bar('_background_', 0, 0), bar('dog', 7, 7)]
    painting = paint_shapes(shapes, (1, 8), VALUES, 'a.json')
    assert painting.mask.tolist() == [[0, 1, 1, 1, 1, 1, 0, 2]]
    assert painting.covered == [0]  # the cat on the cat keeps its class
    painting = paint_shapes(shapes, (1, 8), VALUES, 'a.json', PaintRules(order='area'))
    assert painting.mask.tolist() == [[0, 1, 2, 2, 1, 1, 0, 2]]
    assert painting.owner.tolist() == [[3, 1, 0, 0, 2, 1, -1, 4]]
    assert not painting.covered


def test_shapes_at_and_beyond_the_edge_are_told_apart() -> None:
    triangle = {'label': 'cat', 'points': [[0, 0], [8, 0], [8, 1]]}
    painting = paint_shapes([bar('cat', 5, 9), bar('dog', 20, 30), triangle, bar('dog', -3, 1)], (1, 8), VALUES, 'a')
    assert painting.mask.tolist() == [[2, 2, 1, 1, 1, 1, 1, 1]]
    assert painting.cropped == [0, 3]  # the triangle ends on the edge
    assert painting.outside == [1]


def test_no_more_is_painted_than_a_machine_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, 'MAX_PAINTED', 20)
    assert paint_shapes([bar('cat', 0, 4)] * 4, (1, 8), VALUES, 'a.json').painted == {'cat': 4}
    with pytest.raises(InputError, match=r'^a\.json: the boxes of its shapes have more than 20 pixels in total'):
        paint_shapes([bar('cat', 0, 4)] * 5, (1, 8), VALUES, 'a.json')


def test_pixels_that_are_not_kept_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [bar('dog', 2, 3), bar('cat', 0, 5), bar('dog', 1, 1)]
    before = paint_shapes(shapes, (1, 8), VALUES, 'a.json', PaintRules(order='area'))
    monkeypatch.setattr(paint, 'MAX_KEPT', 3)
    after = paint_shapes(shapes, (1, 8), VALUES, 'a.json', PaintRules(order='area'))
    assert (after.mask == before.mask).all()
