from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmseg_ext.converters.labelme import merge
from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.merge import merge_shapes
from mmseg_ext.converters.labelme.paint import PaintRules, paint_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.labelme.document import label_names, label_values
from mmseg_ext.data.labelme.shapes import ShapeRegion
from mmseg_ext.data.masks import Mask

CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (200, 0, 0), (0, 0, 200)))
MASKS = hnp.arrays(np.uint8, (7, 8), elements=st.sampled_from([0, 1, 2, 255]))


def rectangle(label: str, left: int, top: int, right: int, bottom: int, **extra: Any) -> dict[str, Any]:
    return {'label': label, 'points': [[left, top], [right, bottom]], 'shape_type': 'rectangle', **extra}


def paint(shapes: list[dict[str, Any]], size: tuple[int, int] = (10, 20)) -> Mask:
    return paint_shapes(shapes, size, label_values(CLASSES), 'a.json', PaintRules(['note'])).mask


CAT = rectangle('cat', 1, 1, 5, 5, group_id=7, flags={'dark': True}, description='Tom', score=0.5)
DOG = rectangle('dog', 8, 1, 12, 5, group_id=8)
NOTE = {'label': 'note', 'points': [[0, 0], [1, 1]], 'shape_type': 'line', 'text': 'blurred'}


def test_an_unchanged_mask_leaves_every_shape_as_it_is() -> None:
    shapes = [NOTE, CAT, rectangle('background', 2, 2, 3, 3), DOG]
    assert merge_shapes(paint(shapes), shapes, CLASSES, 'a.json', ignore_labels=['note']) == shapes


def test_a_changed_object_keeps_what_was_noted_of_it() -> None:
    mask = paint([CAT, DOG])
    mask[6:8, 2:4] = 1
    merged = merge_shapes(mask, [CAT, NOTE, DOG], CLASSES, 'a.json', ignore_labels=['note'])
    assert merged[0] == CAT  # what was added to the cat lies outside of it, so that its own shape still holds
    assert merged[1:3] == [NOTE, DOG]
    assert (paint(merged) == mask).all()

    mask[1, 1] = 0
    merged = merge_shapes(mask, [CAT, NOTE, DOG], CLASSES, 'a.json', ignore_labels=['note'])
    assert merged[:2] == [NOTE, DOG]
    assert len(merged) == 3
    metadata = {key: merged[2][key] for key in ('label', 'group_id', 'flags', 'description', 'score', 'shape_type')}
    assert metadata == {
        'label': 'cat', 'group_id': 7, 'flags': {'dark': True}, 'description': 'Tom', 'score': 0.5, 'shape_type': 'mask'
    }  # fmt: skip
    assert (paint(merged) == mask).all()


def test_a_flipped_object_keeps_its_notes_and_a_removed_one_goes() -> None:
    mask = paint([CAT])
    mask[mask == 1] = 2
    (flipped,) = merge_shapes(mask, [CAT, DOG], CLASSES, 'a.json')
    assert (flipped['label'], flipped['group_id'], flipped['score']) == ('dog', 7, 0.5)


@pytest.mark.parametrize('shapes', [[CAT, DOG], [DOG, CAT]])
def test_a_new_shape_follows_one_of_its_label_rather_than_a_larger_other(shapes: list[dict[str, Any]]) -> None:
    mask = paint(shapes)
    mask[1:6, 4:10] = 2  # the dog takes two columns from itself, and more from the background and the cat
    mask[5, 12] = 0
    merged = merge_shapes(mask, shapes, CLASSES, 'a.json')
    assert {shape['label']: shape['group_id'] for shape in merged} == {'cat': 7, 'dog': 8}
    assert (paint(merged) == mask).all()


def test_a_shape_that_appears_from_under_another_is_corrected() -> None:
    over = rectangle('background', 2, 2, 9, 4, group_id=3)
    mask = paint([CAT, over])
    mask[2, 9] = 2
    merged = merge_shapes(mask, [CAT, over], CLASSES, 'a.json')
    assert merged[0] == CAT
    erasers = [shape for shape in merged if shape['label'] == 'background']
    assert [shape['group_id'] for shape in erasers] == [3]
    assert [shape['group_id'] for shape in merged if shape['label'] == 'dog'] == [3]
    assert (paint(merged) == mask).all()


def test_an_eraser_does_not_take_the_notes_of_what_it_erases() -> None:
    hidden = rectangle('cat', 1, 1, 5, 5, group_id=7)
    over = rectangle('dog', 2, 2, 4, 4, group_id=8)
    mask = paint([hidden, over])
    mask[2:5, 2:5] = 0
    merged = merge_shapes(mask, [hidden, over], CLASSES, 'a.json')
    assert [(shape['label'], shape['group_id']) for shape in merged] == [('cat', 7), ('background', None)]


@settings(max_examples=50)
@given(MASKS, MASKS, st.sampled_from(['mask', 'polygon']), st.sampled_from(['mask', 'polygon']))
def test_the_result_always_gives_the_mask(before: Mask, after: Mask, first: ShapeKind, second: ShapeKind) -> None:
    shapes = encode_shapes(before, label_names(CLASSES), first)
    merged = merge_shapes(after, shapes, CLASSES, 'a.json', second)
    assert (paint(merged, after.shape) == after).all()
    again = merge_shapes(after, merged, CLASSES, 'a.json', second)
    assert again == merged


def test_shapes_share_pixels_of_their_boxes_alone() -> None:
    one = ShapeRegion(0, 2, np.array([[True, True], [False, True]]), beyond=False)
    other = ShapeRegion(0, 3, np.ones((5, 5), bool), beyond=False)
    assert merge._shared(one, other) == merge._shared(other, one) == 2
    assert merge._shared(one, ShapeRegion(2, 0, np.ones((5, 5), bool), beyond=False)) == 0
