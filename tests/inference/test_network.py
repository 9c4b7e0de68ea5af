from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import ModelInfo


def test_json_keeps_every_field(info: ModelInfo) -> None:
    other = replace(
        info, channels='bgr', size=(512.0, 256.0), tta_sizes=((1.0, 2.0), None), tta_flip=False, mode='slide',
        tile=96, stride=64, threshold=0.3,
    )  # fmt: skip
    for original in (info, other):
        assert ModelInfo.from_json(original.to_json(), 'a.onnx') == original


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'format': 2}, 'format 2, not 1'),
        ({'classes': ['a', 'a', 'b']}, 'lists a class twice'),
        ({'palette': [[0, 0, 0]]}, '`palette:` must be 3 colours'),
        ({'mean': [1, 2]}, '3 numbers expected'),
        ({'mean': None}, 'cannot be used'),
        ({'std': [1, 0, 1]}, 'not above 0'),
        ({'size': [0, 5]}, 'not above 0'),
        ({'tta_sizes': [[5, -5]]}, 'not above 0'),
        ({'stride': 600}, 'stride above the tile'),
        ({'channels': 'hsv'}, "'hsv' is not one of"),
        ({'mode': 'other'}, 'not one of'),
        ({'tile': 'wide'}, 'cannot be used'),
        ({'tile': 10**400}, 'cannot be used'),
        ({'size': [1e9, 5]}, 'a size above'),
        ({'size': [5, float('nan')]}, 'not finite'),
        ({'tta_sizes': [[5, 5]] * 101}, 'sizes of views'),
    ],
)
def test_other_content_is_refused(info: ModelInfo, change: dict[str, Any], words: str) -> None:
    text = json.dumps(json.loads(info.to_json()) | change)
    with pytest.raises(InputError, match=r'^a\.onnx: ') as caught:
        ModelInfo.from_json(text, 'a.onnx')
    assert words in str(caught.value)


@pytest.mark.parametrize('text', ['', '{', '[]', '3', '{}', '[' * 100_000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match='metadata cannot be used'):
        ModelInfo.from_json(text, 'a.onnx')
