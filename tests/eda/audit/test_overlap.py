from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.eda.audit.overlap import overlap
from mmseg_ext.errors import InputError


def box(label: str, left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    return {'label': label, 'shape_type': 'rectangle', 'points': [[left, top], [right, bottom]]}


def test_overlap_counts_pixels_of_two_labels_once() -> None:
    shapes = [box('cat', 0, 0, 9, 9), box('cat', 5, 0, 9, 9), box('dog', 8, 8, 12, 12), box('cow', 9, 9, 9, 9)]
    hit = overlap(shapes, 20, 30, least=1)
    assert hit is not None
    assert hit.value == 4
    assert hit.boxes == ((8, 8, 2, 2),)
    assert 'cat and cow and dog' in hit.message
    assert overlap(shapes, 20, 30, least=5) is None
    assert overlap(shapes[:2], 20, 30, least=1) is None
    assert overlap([shapes[0], box('dog', 10, 0, 12, 12)], 20, 30, least=0) is None


def test_a_damaged_shape_is_an_input_error() -> None:
    with pytest.raises(InputError):
        overlap([box('cat', 0, 0, 9, 9), {'label': 'dog', 'points': [[1, 2]]}], 20, 30, least=1)
