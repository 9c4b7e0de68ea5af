"""Prediction of images by a trained model, on torch or ONNX Runtime."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import ImageRules, Pixels, UprightImage, from_array, read_upright
from mmseg_ext.data.tiles import Tile, TileMean, place_tiles
from mmseg_ext.errors import InputError
from mmseg_ext.inference.ensemble import (
    ONNX_SUFFIX,
    Member,
    check_member_classes,
    is_ensemble,
    mean_threshold,
    read_ensemble,
)
from mmseg_ext.inference.network import Box, Mode, Network
from mmseg_ext.inference.prediction import Logits, Prediction
from mmseg_ext.inference.views import Views, choose_views, fit, normalise, pad, resize

Source = str | Path | bytes | NDArray[np.uint8] | UprightImage


class Predictor:
    """A trained model and the views in which it sees an image: `mmseg_ext.Predictor`.

    ``Predictor(config, checkpoint)`` needs torch and mmseg; ``Predictor('model.onnx')`` neither of them. An ensemble
    averages the class probabilities of its members, each in its own views.

    Args:
        model: A config file, an ONNX model written by ``mmseg-ext export``, an ensemble written by ``mmseg-ext
            ensemble`` (.yaml), or a `Network`.
        checkpoint: The config's weights, or the work dir whose best checkpoint is meant. For a config only.
        tta: Average several sizes and their mirror images: those of the config's ``tta_pipeline``; None where it has
            them.
        size: Longest side of a view in pixels; that of the config's test pipeline by default.
        mode: ``whole``, or ``slide`` for tiles over the image in its own size; the config's by default.
        views: Exactly these views, in place of those that ``tta``, ``size`` and ``mode`` choose.
        batch_size: Largest number of views or tiles of one shape that go through the network together.
        device: ``cpu`` or ``cuda``; a GPU where there is one by default. Not for a `Network`.
        dtype: ``bfloat16`` or ``float16`` (GPU only): faster and less exact; float32 by default. For a config only.
        rules: Which image files are accepted.

    Attributes:
        members: The network, or those of an ensemble, each with its views of an image and its weight.
        batch_size: As the argument.
        rules: Which image files are accepted.
        classes: Names and palette of the mask's values.

    Raises:
        InputError: A file or an argument cannot be used.

    >>> from mmseg_ext.inference.network import ModelInfo
    >>> class Brightness:
    ...     info = ModelInfo(Classes(('dark', 'bright'), ((0, 0, 0), (255, 255, 0))), mean=(128,) * 3, std=(1,) * 3)
    ...     def logits(self, inputs):
    ...         return np.stack([-inputs[:, 0], inputs[:, 0]], axis=1)
    >>> image = np.zeros((64, 64), np.uint8)
    >>> image[:, 32:] = 255
    >>> Predictor(Brightness()).predict(image).mask[0, ::32]
    array([0, 1], dtype=uint8)
    """

    def __init__(
        self,
        model: str | Path | Network,
        checkpoint: str | Path | None = None,
        *,
        tta: bool | None = False,
        size: int | None = None,
        mode: Mode | None = None,
        views: Views | None = None,
        batch_size: int = 8,
        device: str | None = None,
        dtype: str | None = None,
        rules: ImageRules | None = None,
    ) -> None:
        if batch_size < 1:
            raise InputError(f'`batch_size={batch_size}`', 'must be at least 1')
        if isinstance(model, (str, Path)) and is_ensemble(model):
            if checkpoint is not None:
                raise InputError(model, 'an ensemble takes no checkpoint', 'leave it out')
            self.members = tuple(
                Member(
                    network := _open_network(entry.model, entry.checkpoint, device, dtype),
                    views
                    or choose_views(network.info, entry.tta or tta, size or entry.size, mode or entry.mode, entry.name),
                    entry.weight,
                    entry.name,
                )
                for entry in read_ensemble(model)
            )
        else:
            is_file = isinstance(model, (str, Path))
            network = _open_network(model, checkpoint, device, dtype) if isinstance(model, (str, Path)) else model
            name = str(checkpoint or model) if is_file else ''
            chosen = views or choose_views(network.info, tta, size, mode, name or 'model')
            self.members = (Member(network, chosen, name=name),)
        self._set(batch_size, rules)

    @classmethod
    def ensemble(
        cls,
        predictors: Sequence[Predictor],
        weights: Sequence[float] | None = None,
        *,
        batch_size: int = 8,
        rules: ImageRules | None = None,
    ) -> Predictor:
        """Average several predictors, each of which keeps its views.

        Args:
            predictors: At least one, of the same classes in the same order.
            weights: The weight of each in the average of the class probabilities, above 0; equal by default.
            batch_size: As for a single predictor.
            rules: Which image files are accepted.

        Raises:
            InputError: The classes differ, or a weight is not above 0.
        """
        if not predictors or (weights is not None and len(weights) != len(predictors)):
            raise InputError('`weights`', f'must be one number for each of {len(predictors)} models, at least one')
        factors = [1.0] * len(predictors) if weights is None else list(weights)
        if not all(0 < factor < math.inf for factor in factors):
            raise InputError(f'`weights={factors}`', 'must all be above 0')
        result = cls.__new__(cls)
        result.members = tuple(
            replace(member, weight=factor * member.weight / sum(one.weight for one in predictor.members))
            for predictor, factor in zip(predictors, factors, strict=True)
            for member in predictor.members
        )
        result._set(batch_size, rules)
        return result

    def choose(self, positions: Sequence[int]) -> Predictor:
        """Return a predictor of some of the members alone, by their positions."""
        result = copy.copy(self)
        result.members = tuple(self.members[position] for position in positions)
        result._set(self.batch_size, self.rules)
        return result

    def with_sides(self, sides: Sequence[int]) -> Predictor:
        """Return a predictor whose views have these shorter sides, in pixels; without any, their own sizes.

        Where a view was also predicted mirrored, the new ones are too.
        """
        if not sides:
            return self
        sizes = tuple((math.inf, side) for side in sides)
        result = copy.copy(self)
        result.members = tuple(replace(one, views=replace(one.views, sizes=sizes)) for one in self.members)
        return result

    def _set(self, batch_size: int, rules: ImageRules | None) -> None:
        check_member_classes(self.members)
        self.batch_size = batch_size
        self.rules = rules or ImageRules()
        self._info = replace(self.members[0].network.info, threshold=mean_threshold(self.members))
        self.classes: Classes = self._info.classes

    def __repr__(self) -> str:
        """Name the networks, the classes and the views of each."""
        views = []
        for member in self.members:
            sizes = ['own size' if size is None else f'{size[0]:g}x{size[1]:g}' for size in member.views.sizes]
            tiles = '' if member.views.tile is None else f', tiles of {member.views.tile} px'
            views.append(f'{" + ".join(sizes)}{", mirrored too" if member.views.flip else ""}{tiles}')
        networks = ' + '.join(type(member.network).__name__ for member in self.members)
        return f'Predictor({networks}: {", ".join(self.classes.names)}; {"; ".join(views)})'

    @overload
    def predict(self, source: Source) -> Prediction: ...
    @overload
    def predict(self, source: list[Any] | tuple[Any, ...]) -> list[Prediction]: ...

    def predict(self, source: Source | list[Any] | tuple[Any, ...]) -> Prediction | list[Prediction]:
        """Predict an image, or several.

        Args:
            source: A path, the bytes of an image file, a uint8 array of shape (H, W, 3) in RGB or (H, W) in grey, an
                `UprightImage`; or a list of them, which may differ in size, or an array (N, H, W, 3).

        Returns:
            A `Prediction` for one source, a list of them for several.

        Raises:
            InputError: An image cannot be used.
        """
        if isinstance(source, (list, tuple)) or (isinstance(source, np.ndarray) and source.ndim == 4):
            return self._predict([self.read(image) for image in source])
        return self._predict([self.read(source)])[0]

    def read(self, source: Source) -> UprightImage:
        """Decode an image by the predictor's rules, as `predict` does."""
        if isinstance(source, UprightImage):
            return source
        return from_array(source) if isinstance(source, np.ndarray) else read_upright(source, self.rules)

    def _predict(self, images: Sequence[UprightImage]) -> list[Prediction]:
        logits: list[list[Logits]] = [[] for _ in images]
        weights: list[float] = []
        for member in self.members:
            found = self._view_logits(images, member.network, member.views)
            for mine, new in zip(logits, found, strict=True):
                mine += new
            count = len(found[0]) if found else 1
            weights += [member.weight / count] * count
        return [Prediction(image, self._info, mine, weights) for image, mine in zip(images, logits, strict=True)]

    def _view_logits(self, images: Sequence[UprightImage], network: Network, views: Views) -> list[list[Logits]]:
        """Return the logits (K, h, w) of each view of each image, not mirrored and without padding."""
        canvases: list[Pixels] = []
        sizes: list[tuple[int, int]] = []  # of the canvases without padding
        for image in images:
            for size in views.sizes:
                canvas, valid = _canvas(image.pixels, size, views)
                canvases += [canvas, canvas[:, ::-1]] if views.flip else [canvas]
                sizes += [valid, valid] if views.flip else [valid]
        logits = self._logits(canvases, network, views)
        for index in range(1, len(logits), 2) if views.flip else ():
            logits[index] = logits[index][:, :, ::-1]
        unpadded = [part[:, :height, :width] for part, (height, width) in zip(logits, sizes, strict=True)]
        count = len(unpadded) // max(1, len(images))
        return [unpadded[index * count : (index + 1) * count] for index in range(len(images))]

    def _logits(self, canvases: Sequence[Pixels], network: Network, views: Views) -> list[Logits]:
        """Compute the logits (K, H, W) of each canvas, as a whole or from tiles; equal shapes share batches."""
        means = [TileMean(*canvas.shape[:2]) for canvas in canvases]
        for batch in _batches(_tiles(canvases, views), self.batch_size):
            pixels = np.stack([canvases[index][t:b, le:r] for index, (t, le, b, r) in batch])
            result = network.logits(normalise(pixels, network.info))
            for (index, tile), logits in zip(batch, result, strict=True):
                means[index].add(tile, logits)
        return [mean.result() for mean in means]


def _open_network(model: str | Path, checkpoint: str | Path | None, device: str | None, dtype: str | None) -> Network:
    if Path(model).suffix.lower() == ONNX_SUFFIX:
        if checkpoint is not None or dtype is not None:
            raise InputError(model, 'an ONNX model takes neither a checkpoint nor a dtype', 'leave them out')
        from mmseg_ext.inference.onnx_network import OnnxNetwork

        return OnnxNetwork(model, device)
    if checkpoint is None:
        raise InputError(
            model, 'is not an .onnx file but a config, which also needs a checkpoint', 'add its checkpoint'
        )
    from mmseg_ext.inference.torch_network import TorchNetwork

    return TorchNetwork(model, checkpoint, dtype, device)


def _canvas(image: Pixels, size: Box | None, views: Views) -> tuple[Pixels, tuple[int, int]]:
    """Return a view of an image, and its height and width without padding."""
    height, width = image.shape[:2]
    if views.tile is not None and size is None:
        return pad(image), (height, width)
    height, width = fit(height, width, size)
    return resize(image, height, width), (height, width)


def _tiles(canvases: Sequence[Pixels], views: Views) -> Iterator[tuple[int, Tile]]:
    """Yield the tiles of each canvas with its index; one tile of its size where none slide."""
    for index, canvas in enumerate(canvases):
        height, width = canvas.shape[:2]
        for tile in place_tiles(height, width, views.tile or max(height, width), views.stride):
            yield index, tile


def _batches(tiles: Iterator[tuple[int, Tile]], size: int) -> Iterator[list[tuple[int, Tile]]]:
    """Group tiles of the same shape, at most ``size`` at a time."""
    groups: dict[tuple[int, int], list[tuple[int, Tile]]] = {}
    for index, tile in tiles:
        top, left, bottom, right = tile
        group = groups.setdefault((bottom - top, right - left), [])
        group.append((index, tile))
        if len(group) == size:
            yield groups.pop((bottom - top, right - left))
    yield from groups.values()
