"""Prediction of photographs with any network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import ImageRules, Pixels, UprightImage, from_array, read_upright
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import Network, normalise
from mmseg_ext.inference.prediction import Logits, Prediction
from mmseg_ext.inference.tiles import Tile, TileMean, place_tiles
from mmseg_ext.inference.views import Views, fit, pad, resize

Source = str | Path | bytes | NDArray[np.uint8] | UprightImage


class NetworkPredictor:
    """A network, and how photographs are shown to it.

    Args:
        network: The network.
        views: In which sizes; one view of the network's own size by default.
        batch_size: How many views or tiles of one shape go through the network together.
        rules: Which photographs are accepted.

    Attributes:
        network: The network.
        views: How photographs are shown to it.
        rules: Which photographs are accepted.
        classes: Names and palette of the mask's values.
    """

    def __init__(
        self, network: Network, views: Views | None = None, batch_size: int = 8, rules: ImageRules | None = None
    ) -> None:
        if batch_size < 1:
            raise InputError(f'--batch {batch_size}: must be at least 1')
        self.network = network
        self.views = views or Views((network.info.size,))
        self.batch_size = batch_size
        self.rules = rules or ImageRules()
        self.classes: Classes = network.info.classes

    @overload
    def predict(self, source: Source) -> Prediction: ...
    @overload
    def predict(self, source: list[Any] | tuple[Any, ...]) -> list[Prediction]: ...

    def predict(self, source: Source | list[Any] | tuple[Any, ...]) -> Prediction | list[Prediction]:
        """Predict a photograph, or several.

        Args:
            source: A path, the bytes of an image file, an array of shape (H, W, 3) in RGB or (H, W) in grey (uint8), a
                `Photo`; or a list or an array (N, H, W, 3) of them, which may differ in size.

        Returns:
            A `Prediction` for one source, a list of them for several.

        Raises:
            InputError: A photograph cannot be used.
        """
        if isinstance(source, (list, tuple)) or (isinstance(source, np.ndarray) and source.ndim == 4):
            return self._predict([self.read(one) for one in source])
        return self._predict([self.read(source)])[0]

    def read(self, source: Source) -> UprightImage:
        """Decode a photograph by the predictor's rules, as `predict` does."""
        if isinstance(source, UprightImage):
            return source
        return from_array(source) if isinstance(source, np.ndarray) else read_upright(source, self.rules)

    def _predict(self, photos: Sequence[UprightImage]) -> list[Prediction]:
        canvases: list[Pixels] = []
        sizes: list[tuple[int, int]] = []  # of the canvases without padding
        for photo in photos:
            for size in self.views.sizes:
                canvas, valid = self._canvas(photo.pixels, size)
                canvases += [canvas, canvas[:, ::-1]] if self.views.flip else [canvas]
                sizes += [valid, valid] if self.views.flip else [valid]
        logits = self._logits(canvases)
        for number in range(1, len(logits), 2) if self.views.flip else ():
            logits[number] = logits[number][:, :, ::-1]
        views = [one[:, :height, :width] for one, (height, width) in zip(logits, sizes, strict=True)]
        count = len(views) // max(1, len(photos))
        return [
            Prediction(photo, self.network.info, views[number * count : (number + 1) * count])
            for number, photo in enumerate(photos)
        ]

    def _canvas(self, image: Pixels, size: Any) -> tuple[Pixels, tuple[int, int]]:
        """A view of a photograph, and its height and width without padding."""
        height, width = image.shape[:2]
        if self.views.tile is not None and size is None:
            return pad(image), (height, width)
        height, width = fit(height, width, size)
        return resize(image, height, width), (height, width)

    def _logits(self, canvases: Sequence[Pixels]) -> list[Logits]:
        """Logits (K, H, W) of each canvas, whole or from tiles; what has the same shape shares batches."""
        means = [TileMean(*canvas.shape[:2]) for canvas in canvases]
        for batch in _batches(self._tiles(canvases), self.batch_size):
            pixels = np.stack([canvases[number][t:b, le:r] for number, (t, le, b, r) in batch])
            result = self.network.logits(normalise(pixels, self.network.info))
            for (number, tile), logits in zip(batch, result, strict=True):
                means[number].add(tile, logits)
        return [mean.result() for mean in means]

    def _tiles(self, canvases: Sequence[Pixels]) -> Iterator[tuple[int, Tile]]:
        for number, canvas in enumerate(canvases):
            height, width = canvas.shape[:2]
            tile = self.views.tile or max(height, width)
            for place in place_tiles(height, width, tile, self.views.stride):
                yield number, place


def _batches(tiles: Iterator[tuple[int, Tile]], size: int) -> Iterator[list[tuple[int, Tile]]]:
    """Group tiles of the same shape, at most ``size`` at a time."""
    waiting: dict[tuple[int, int], list[tuple[int, Tile]]] = {}
    for number, tile in tiles:
        top, left, bottom, right = tile
        group = waiting.setdefault((bottom - top, right - left), [])
        group.append((number, tile))
        if len(group) == size:
            yield waiting.pop((bottom - top, right - left))
    yield from waiting.values()
