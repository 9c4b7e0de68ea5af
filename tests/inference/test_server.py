from __future__ import annotations

import base64
import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.data.images import ImageRules
from mmseg_ext.errors import InputError
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.server import answer, describe, serve
from mmseg_ext.local_server import RefusedError

pytest.importorskip('starlette')
COLOURS = np.array([[0, 0, 250], [250, 0, 0], [0, 250, 0]], np.uint8)


@pytest.fixture
def predictor(colour_network: Any) -> Predictor:
    return Predictor(colour_network(), rules=ImageRules(max_pixels=10_000_000))


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, 'PNG', compress_level=1)
    return stream.getvalue()


def decoded(url: str) -> Image.Image:
    kind, _, data = url.partition(';base64,')
    assert kind in ('data:image/png', 'data:image/jpeg')
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_the_page_learns_classes_and_limits(predictor: Predictor) -> None:
    content = describe(predictor, 5)
    assert content['classes'][1] == {'name': 'cat', 'colour': [220, 60, 60]}
    assert (content['maxBytes'], content['maxPixels']) == (5, 10_000_000)
    assert content['background'] == 0


def test_the_page_learns_that_no_class_is_the_background(predictor: Predictor) -> None:
    without = SimpleNamespace(classes=replace(predictor.classes, background=None), rules=predictor.rules)
    assert describe(without, 5)['background'] is None  # type: ignore[arg-type]


def test_an_answer_holds_the_mask_in_two_forms(predictor: Predictor) -> None:
    mask = np.random.default_rng(0).integers(0, 3, (32, 96), dtype=np.uint8)
    content = answer(predictor, png(COLOURS[mask]))
    assert (content['width'], content['height']) == (96, 32)
    shown = decoded(content['shownMask'])
    assert shown.mode == 'L'
    np.testing.assert_array_equal(np.asarray(shown), mask)
    whole = decoded(content['mask'])
    assert (whole.mode, whole.getpalette()[6:9]) == ('P', [60, 100, 230])
    np.testing.assert_array_equal(np.asarray(whole), mask)
    np.testing.assert_allclose(content['shares'], np.bincount(mask.ravel()) / mask.size)
    assert decoded(content['image']).size == (96, 32)


def test_a_large_image_is_shown_smaller(predictor: Predictor) -> None:
    mask = np.zeros((64, 3200), np.uint8)
    mask[:, 1600:] = 2
    content = answer(predictor, png(COLOURS[mask]))
    shown = np.asarray(decoded(content['shownMask']))
    np.testing.assert_array_equal(shown, mask[::2, ::2])
    assert decoded(content['image']).size == (1600, 32)
    np.testing.assert_array_equal(np.asarray(decoded(content['mask'])), mask)


def test_unusable_files_get_one_sentence(predictor: Predictor) -> None:
    for data, words in ((b'text', 'damaged or no'), (png(np.zeros((4000, 3000), np.uint8)), '3000×4000')):
        with pytest.raises(RefusedError, match=words) as caught:
            answer(predictor, data)
        assert caught.value.status == 422
        assert str(caught.value).startswith('This file cannot be used: ')


@pytest.mark.parametrize(('host', 'port'), [('127.0.0.1', -1), ('127.0.0.1', 70000), ('no.such.host.invalid', 0)])
def test_an_address_that_cannot_be_used_is_named(predictor: Predictor, host: str, port: int) -> None:
    with pytest.raises(InputError, match=f'`host={host}` `port={port}`: cannot listen there'):
        serve(predictor, host, port)
