from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.data.labelme import shapes as drawing
from mmseg_ext.eda.audit.findings import Hit
from mmseg_ext.eda.audit.overlap import check_shapes
from mmseg_ext.errors import InputError


def box(label: str, left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    return {'label': label, 'shape_type': 'rectangle', 'points': [[left, top], [right, bottom]]}


def hits(
    shapes: list[dict[str, Any]], least: float = 1, share: float = 0.9, erasers: tuple[str, ...] = ()
) -> dict[str, Hit]:
    return dict(check_shapes(shapes, 64, 64, 'a.json', erasers=erasers, least=least, share=share))


def test_overlap_counts_pixels_of_two_labels_once() -> None:
    shapes = [box('cat', 0, 0, 9, 9), box('cat', 5, 0, 9, 9), box('dog', 8, 8, 12, 12), box('cow', 9, 9, 9, 9)]
    hit = hits(shapes)['overlap']
    assert hit.value == 4
    assert hit.boxes == ((8, 8, 2, 2),)
    assert 'cat and cow and dog' in hit.message
    assert hits(shapes[::-1])['overlap'] == hit
    assert 'overlap' not in hits(shapes, least=5)
    assert hits(shapes[:2]) == {}
    assert hits([shapes[0], box('dog', 10, 0, 12, 12)], least=0) == {}


def test_a_small_shape_under_a_large_one() -> None:
    small, large = box('cat', 10, 10, 19, 19), box('dog', 0, 0, 39, 39)
    hit = hits([small, large])['covered_shape']
    assert (hit.value, hit.boxes) == (1, ((10, 10, 10, 10),))
    assert 'of a shape of cat is covered by later shapes' in hit.message
    for shapes in ([large, small], [small, box('cat', 0, 0, 39, 39)], [small, box('hole', 0, 0, 39, 39)]):
        assert 'covered_shape' not in hits([*shapes, box('cow', 60, 60, 63, 63)], erasers=('hole',))
    half = [small, box('dog', 10, 10, 19, 14)]
    assert 'covered_shape' not in hits(half, share=0.51)
    assert 'covered_shape' in hits(half, share=0.5)


@pytest.mark.parametrize('kind', ['line', 'linestrip', 'point', 'points'])
def test_shapes_without_area_are_left_out(kind: str) -> None:
    mark = {'label': 'note', 'shape_type': kind, 'points': [[5, 5], [9, 9]]}
    shapes = [box('cat', 0, 0, 9, 9), box('dog', 8, 8, 12, 12)]
    assert hits([mark, *shapes, mark]) == hits(shapes)
    assert hits(shapes)['overlap'].value == 4


def test_a_damaged_shape_is_named() -> None:
    with pytest.raises(InputError, match=r'^a\.json: shape 2 \(dog\): a polygon needs 3 points or more, found 1; '):
        hits([box('cat', 0, 0, 9, 9), {'label': 'dog', 'points': [[1, 2]]}])


def test_no_more_is_drawn_than_a_machine_can(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [box('cat', 0, 0, 9, 9), box('dog', 0, 0, 9, 9)]
    monkeypatch.setattr(drawing, 'MAX_PAINTED', 200)
    with pytest.raises(InputError, match=r'^a\.json: the boxes of its shapes have more than 200 pixels in total'):
        hits([*shapes, box('cow', 0, 0, 1, 1)])
    monkeypatch.setattr(drawing, 'MAX_PAINTED', 300)
    assert set(hits(shapes)) == {'overlap', 'covered_shape'}
