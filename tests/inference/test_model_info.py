from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.inference.model_info import ModelInfo


def test_it_survives_the_way_through_text(info: ModelInfo) -> None:
    other = replace(
        info, channels='bgr', size=(512.0, 256.0), tta_sizes=((1.0, 2.0), (3.0, 4.0)), tta_flip=False, mode='slide',
        tile=96, stride=64, threshold=0.3,
    )  # fmt: skip
    for one in (info, other):
        assert ModelInfo.from_json(one.to_json(), 'a.onnx') == one


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'format': 2}, 'format 2, not 1'),
        ({'classes': ['a', 'a', 'b']}, 'names a class twice'),
        ({'palette': [[0, 0, 0]]}, '`palette` must be 3 colours'),
        ({'mean': [1, 2]}, '3 numbers expected'),
        ({'mean': None}, 'cannot be used'),
        ({'std': [1, 0, 1]}, 'cannot be'),
        ({'size': [0, 5]}, 'cannot be'),
        ({'tta_sizes': [[5, -5]]}, 'cannot be'),
        ({'stride': 600}, 'cannot be'),
        ({'channels': 'hsv'}, "'hsv' is none of"),
        ({'mode': 'other'}, 'none of'),
        ({'tile': 'wide'}, 'cannot be used'),
    ],
)
def test_other_content_is_refused(info: ModelInfo, change: dict[str, Any], words: str) -> None:
    text = json.dumps(json.loads(info.to_json()) | change)
    with pytest.raises(InputError, match=r'^a\.onnx: ') as caught:
        ModelInfo.from_json(text, 'a.onnx')
    assert words in str(caught.value)


@pytest.mark.parametrize('text', ['', '{', '[]', '3', '{}', '[' * 100_000])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match='its metadata cannot be used'):
        ModelInfo.from_json(text, 'a.onnx')
