"""In which sizes, and whether in the mirror, a photograph is shown to the network."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import Pixels
from mmseg_ext.errors import InputError
from mmseg_ext.inference.model_info import Box, Mode, ModelInfo
from mmseg_ext.inference.network import normalise

STRIDE = 32  # the coarsest stride of the usual backbones: sides that it divides are halved without remainder


@dataclass(frozen=True)
class Views:
    """How photographs are shown.

    Attributes:
        sizes: The longest and shortest side of each view, in pixels; None keeps the photograph's own size.
        flip: Whether each view is also seen in the mirror.
        tile: Side of the tiles that slide over a view; None shows it whole.
        stride: Step from tile to tile.
    """

    sizes: tuple[Box | None, ...] = (None,)
    flip: bool = False
    tile: int | None = None
    stride: int = 384


def choose_views(info: ModelInfo, tta: bool = False, size: int | None = None, mode: Mode | None = None) -> Views:
    """The views that a network was made for, unless something else is asked for.

    Args:
        info: What the network says of itself.
        tta: Several sizes and their mirror images (those of the config) instead of one view.
        size: Longest side of a view in pixels; with ``tta``, views of 0.8, 1 and 1.2 times that.
        mode: ``whole`` or ``slide``. Tiles slide over the photograph in its own size unless there is a ``size``.

    Raises:
        InputError: The size is below 32.
    """
    if size is not None and size < STRIDE:
        raise InputError(f'--size {size}: must be at least {STRIDE}')
    mode = mode or info.mode
    own = None if mode == 'slide' and info.mode == 'whole' else info.size
    sizes: tuple[Box | None, ...] = (own if size is None else (size, size),)
    if tta:
        asked = tuple((round(size * f), round(size * f)) for f in (0.8, 1, 1.2)) if size else ()
        sizes = asked or (sizes if own is None else info.tta_sizes or sizes)
    tile = max(STRIDE, info.tile // STRIDE * STRIDE) if mode == 'slide' else None
    return Views(sizes, tta and info.tta_flip, tile, min(info.stride, tile or info.stride))


def fit(height: int, width: int, size: Box | None) -> tuple[int, int]:
    """Height and width of a view: within the size, of (nearly) the same shape, multiples of 32."""
    factor = 1.0 if size is None else min(max(size) / max(height, width), min(size) / min(height, width))
    return max(STRIDE, round(height * factor / STRIDE) * STRIDE), max(STRIDE, round(width * factor / STRIDE) * STRIDE)


def resize(image: Pixels, height: int, width: int) -> Pixels:
    """Bilinear where it grows; where it shrinks, the mean of the pixels that fall together."""
    if image.shape[:2] == (height, width):
        return image
    method = cv2.INTER_AREA if height < image.shape[0] or width < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def view_of(image: Pixels, info: ModelInfo) -> NDArray[np.float32]:
    """The view of a photograph (H, W, 3) that a network is made for, as its input (1, 3, h, w)."""
    height, width = fit(image.shape[0], image.shape[1], info.size)
    return normalise(resize(image, height, width)[None], info)


def pad(image: Pixels) -> Pixels:
    """Continue a photograph to the right and below, in the mirror, until 32 divides its sides."""
    height, width = image.shape[:2]
    bottom, right = -height % STRIDE, -width % STRIDE
    return np.pad(image, ((0, bottom), (0, right), (0, 0)), mode='symmetric') if bottom or right else image
