from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmseg_ext.data.images import UprightImage, from_array
from mmseg_ext.errors import InputError
from mmseg_ext.inference import prediction
from mmseg_ext.inference.network import ModelInfo
from mmseg_ext.inference.prediction import Prediction
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.views import Views, normalise

COLOURS = np.array([[0, 0, 250], [250, 0, 0], [0, 250, 0]], np.uint8)  # of background, cat and dog
BLOCKS = np.kron(np.array([[0, 1, 2], [2, 0, 1]], np.uint8), np.ones((32, 32), np.uint8))


def softmax(logits: np.ndarray) -> np.ndarray:
    scores = np.exp(logits.astype(np.float64) - logits.max(axis=0))
    return scores / scores.sum(axis=0)


def test_the_class_of_each_pixel_is_found(colour_network: Any, info: ModelInfo) -> None:
    result = Predictor(colour_network()).predict(COLOURS[BLOCKS])
    np.testing.assert_array_equal(result.mask, BLOCKS)
    assert result.mask.dtype == np.uint8
    assert result.probabilities.shape == (3, 64, 96)
    expected = softmax(COLOURS[BLOCKS].transpose(2, 0, 1)[[2, 0, 1]] * 1.0)
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-6)
    assert result.classes == info.classes


def test_its_representation_names_what_it_does(colour_network: Any) -> None:
    assert repr(Predictor(colour_network())) == 'Predictor(ColourNetwork: background, cat, dog; own size)'
    views = Views(((320, 256), None), flip=True, tile=512)
    assert '; 320x256 + own size, mirrored too, tiles of 512 px)' in repr(Predictor(colour_network(), views=views))


def test_normalisation_is_that_of_the_metadata(info: ModelInfo) -> None:
    image = np.array([[[[12, 28, 5]]]], np.uint8)
    np.testing.assert_allclose(normalise(image, info)[0, :, 0, 0], [1, 2, -5])
    swapped = normalise(image, replace(info, channels='bgr'))[0, :, 0, 0]
    np.testing.assert_allclose(swapped, [(5 - 10) / 2, (28 - 20) / 4, (12 - 30) / 5])


def test_the_order_of_the_channels_is_that_of_the_metadata(colour_network: Any, info: ModelInfo) -> None:
    network = colour_network(replace(info, channels='bgr'))
    np.testing.assert_array_equal(Predictor(network).predict(COLOURS[BLOCKS]).mask, BLOCKS)


def test_sources_of_every_kind_alone_and_together(colour_network: Any, tmp_path: Path) -> None:
    image = COLOURS[BLOCKS]
    Image.fromarray(image).save(tmp_path / 'a.png')
    data = (tmp_path / 'a.png').read_bytes()
    predictor = Predictor(colour_network(), batch_size=2)
    sources = [str(tmp_path / 'a.png'), tmp_path / 'a.png', data, image, from_array(image)]
    for source in sources:
        assert isinstance(predictor.predict(source), Prediction)
    results = predictor.predict([*sources, image[:32], np.ascontiguousarray(image[:, ::-1])])
    assert len(results) == 7
    for result in results[:5]:
        np.testing.assert_array_equal(result.mask, BLOCKS)
    np.testing.assert_array_equal(results[5].mask, BLOCKS[:32])
    np.testing.assert_array_equal(results[6].mask, BLOCKS[:, ::-1])
    for result in predictor.predict(np.stack([image, image])):
        np.testing.assert_array_equal(result.mask, BLOCKS)
    assert predictor.predict([]) == []


def test_views_of_one_shape_share_batches(colour_network: Any) -> None:
    network = colour_network()
    image, other = np.zeros((64, 64, 3), np.uint8), np.zeros((32, 64, 3), np.uint8)
    Predictor(network, batch_size=3).predict([image, other, image, image, other, image, image])
    assert sorted(network.calls) == [(2, 3, 32, 64), (2, 3, 64, 64), (3, 3, 64, 64)]
    with pytest.raises(InputError, match='`batch_size=0`: must be at least 1'):
        Predictor(network, batch_size=0)


def test_test_time_augmentation_is_the_mean_of_the_views_probabilities(colour_network: Any) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8), None, 8) // 8
    network = colour_network()
    result = Predictor(network, views=Views(((96, 64), (192, 192)), flip=True)).predict(image)
    assert sorted(network.calls) == [(2, 3, 64, 96), (2, 3, 128, 192)]
    total = np.zeros((3, 64, 96))
    for size in ((96, 64), (192, 128)):
        view = image if size == (96, 64) else cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        for mirrored in (False, True):
            seen = view[:, ::-1] if mirrored else view
            logits = cv2.resize(seen[..., [2, 0, 1]].astype(np.float32), (96, 64), interpolation=cv2.INTER_LINEAR)
            total += softmax((logits[:, ::-1] if mirrored else logits).transpose(2, 0, 1)) / 4
    np.testing.assert_allclose(result.probabilities, total, atol=1e-4)
    np.testing.assert_array_equal(result.mask, result.probabilities.argmax(0))


class Asymmetric:
    """Its scores depend on the place in the view, so that a mirror image that is not turned back shows."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        n, _, height, width = inputs.shape
        left = np.broadcast_to(np.linspace(2, -2, width, dtype=np.float32), (n, height, width))
        return np.stack([np.zeros_like(left), left, left * 0 - 1], axis=1)


def test_the_mirror_image_is_turned_back(info: ModelInfo) -> None:
    image = np.zeros((32, 64, 3), np.uint8)
    once = Predictor(Asymmetric(info)).predict(image).probabilities
    both = Predictor(Asymmetric(info), views=Views(flip=True)).predict(image).probabilities
    np.testing.assert_allclose(both, (once + once[:, :, ::-1]) / 2, atol=1e-6)
    assert np.abs(both - once).max() > 0.1


@pytest.mark.parametrize('shape', [(70, 130), (32, 32), (9, 200), (1, 1)])
def test_tiles_find_what_the_whole_shows(shape: tuple[int, int], colour_network: Any) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    network = colour_network()
    tiled = Predictor(network, views=Views(tile=64, stride=40)).predict(image)
    expected = image.transpose(2, 0, 1)[[2, 0, 1]].argmax(0)
    unsure = np.sort(image, axis=2)[..., 2] == np.sort(image, axis=2)[..., 1]
    assert np.array_equal(tiled.mask[~unsure], expected[~unsure])
    assert all(max(call[2:]) <= 64 and call[2] % 32 == call[3] % 32 == 0 for call in network.calls)


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([None, (64, 64), (96, 32)]))
def test_the_mask_has_the_size_of_the_image(height: int, width: int, size: Any) -> None:
    from mmseg_ext.data.classes import Classes

    network = Asymmetric(ModelInfo(Classes(('a', 'b', 'c'), ((0, 0, 0),) * 3), (0, 0, 0), (1, 1, 1)))
    result = Predictor(network, views=Views((size,))).predict(np.zeros((height, width, 3), np.uint8))
    assert result.mask.shape == (height, width)
    assert result.probabilities.shape == (3, height, width)
    np.testing.assert_allclose(result.probabilities.sum(0), 1, atol=1e-5)
    assert result.overlay().shape == (height, width, 3)


@pytest.mark.parametrize('flip', [False, True])
def test_bands_of_rows_change_nothing(flip: bool, info: ModelInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    image = from_array(rng.integers(0, 256, (37, 53, 3), dtype=np.uint8))
    views = [
        rng.normal(size=(3, h, w)).astype(np.float32) for h, w in ((8, 16), (60, 70), (37, 53))[: 3 if flip else 1]
    ]
    whole = Prediction(image, info, views)
    expected = np.mean(
        [softmax(np.stack([cv2.resize(p, (53, 37), interpolation=cv2.INTER_LINEAR) for p in v])) for v in views], axis=0
    )
    np.testing.assert_allclose(whole.probabilities, expected, atol=1e-5)
    monkeypatch.setattr(prediction, 'MAX_BAND_VALUES', 500)
    banded = Prediction(image, info, views)
    np.testing.assert_array_equal(banded.mask, whole.mask)
    np.testing.assert_array_equal(banded.probabilities, whole.probabilities)
    np.testing.assert_array_equal(banded.overlay(), whole.overlay())


def test_one_output_is_the_probability_of_the_second_class(info: ModelInfo) -> None:
    from mmseg_ext.data.classes import Classes

    two = replace(info, classes=Classes(('background', 'lesion'), ((0, 0, 0), (255, 0, 0))), threshold=0.3)
    logits = np.log(np.array([[[0.2 / 0.8, 0.31 / 0.69, 0.29 / 0.71, 0.9 / 0.1]]], np.float32))
    result = Prediction(from_array(np.zeros((1, 4, 3), np.uint8)), two, [logits])
    np.testing.assert_allclose(result.probabilities[1], [[0.2, 0.31, 0.29, 0.9]], rtol=1e-5)
    np.testing.assert_array_equal(result.mask, [[0, 1, 0, 1]])


def test_the_overlay_colours_objects_and_leaves_the_background(info: ModelInfo) -> None:
    image = np.full((1, 3, 3), 100, np.uint8)
    logits = np.eye(3, dtype=np.float32)[:, None, :]
    result = Prediction(from_array(image), info, [logits])
    np.testing.assert_array_equal(result.overlay(0.5)[0], [[100, 100, 100], [160, 80, 80], [80, 100, 165]])
    np.testing.assert_array_equal(result.overlay(0)[0], image[0])
    np.testing.assert_array_equal(result.overlay(1)[0, 1:], [[220, 60, 60], [60, 100, 230]])
    np.testing.assert_array_equal(result.image.pixels, image)


def test_an_exif_rotation_is_applied(colour_network: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right of the stored pixels
    stream = io.BytesIO()
    Image.fromarray(COLOURS[BLOCKS]).save(stream, 'PNG', exif=exif)
    result = Predictor(colour_network()).predict(stream.getvalue())
    np.testing.assert_array_equal(result.mask, np.rot90(BLOCKS, -1))


def test_an_upright_image_is_used_as_it_is(colour_network: Any) -> None:
    upright = UprightImage(np.zeros((32, 32, 3), np.uint8), orientation=3)
    assert Predictor(colour_network()).predict(upright).image is upright
