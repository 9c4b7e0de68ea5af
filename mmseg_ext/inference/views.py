"""Views: the sizes and mirror images in which a network sees an image, and its input made of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import Pixels
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import Box, Mode, ModelInfo

STRIDE = 32  # coarsest stride of the usual backbones: sides that it divides are halved without remainder
TTA_FACTORS = (0.8, 1, 1.2)


@dataclass(frozen=True)
class Views:
    """The views of each image.

    Attributes:
        sizes: Longest and shortest side of each view, in pixels; None keeps the image's own size.
        flip: Whether each view is also predicted mirrored.
        tile: Side of the tiles that slide over a view, in pixels; None predicts it as a whole.
        stride: Step from tile to tile in pixels.
    """

    sizes: tuple[Box | None, ...] = (None,)
    flip: bool = False
    tile: int | None = None
    stride: int = 384


def choose_views(
    info: ModelInfo, tta: bool | None = False, size: int | None = None, mode: Mode | None = None, name: str = 'model'
) -> Views:
    """Choose the views that a network was made for, unless the arguments ask for others.

    Args:
        info: Sizes of the network.
        tta: Several sizes and their mirror images (those of the config) instead of one view; None where it has them.
        size: Longest side of a view in pixels; with ``tta``, views of 0.8, 1 and 1.2 times that.
        mode: ``whole`` or ``slide``. Tiles slide over the image in its own size unless ``size`` is given.
        name: The network, for errors.

    Raises:
        InputError: The size is below 32, or ``tta`` would give one view.
    """
    if size is not None and size < STRIDE:
        raise InputError(f'`size={size}`', f'must be at least {STRIDE}')
    mode = mode or info.mode
    keeps_own_size = mode == 'slide' and info.mode == 'whole'
    sizes: tuple[Box | None, ...] = ((size, size) if size else None if keeps_own_size else info.size,)
    flip = False
    if tta is not False:
        flip = info.tta_flip
        if size is not None:
            sizes = tuple((round(size * factor), round(size * factor)) for factor in TTA_FACTORS)
        elif not keeps_own_size:
            sizes = info.tta_sizes or sizes
    if tta and len(sizes) == 1 and not flip:
        problem = 'has no further views for `tta`: sizes of Resize and left-right RandomFlip in a tta_pipeline'
        raise InputError(name, problem, 'predict without `tta`')
    tile = max(STRIDE, info.tile // STRIDE * STRIDE) if mode == 'slide' else None
    return Views(sizes, flip, tile, min(info.stride, tile or info.stride))


def fit(height: int, width: int, size: Box | None) -> tuple[int, int]:
    """Return height and width of a view: within the size, of (nearly) the same aspect ratio, multiples of 32.

    >>> fit(1000, 2000, (2048, 512))
    (512, 1024)
    """
    factor = 1.0 if size is None else min(max(size) / max(height, width), min(size) / min(height, width))
    return max(STRIDE, round(height * factor / STRIDE) * STRIDE), max(STRIDE, round(width * factor / STRIDE) * STRIDE)


def resize(image: Pixels, height: int, width: int) -> Pixels:
    """Resize an image (H, W, 3), uint8: bilinear where it grows, area averages where it shrinks."""
    if image.shape[:2] == (height, width):
        return image
    method = cv2.INTER_AREA if height < image.shape[0] or width < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def pad(image: Pixels) -> Pixels:
    """Mirror an image (H, W, 3) beyond its right and lower border until 32 divides both sides."""
    height, width = image.shape[:2]
    bottom, right = -height % STRIDE, -width % STRIDE
    return np.pad(image, ((0, bottom), (0, right), (0, 0)), mode='symmetric') if bottom or right else image


def normalise(images: Pixels, info: ModelInfo) -> NDArray[np.float32]:
    """Convert images (N, H, W, 3), RGB, 0–255, to the network's input (N, 3, H, W)."""
    result = np.empty((images.shape[0], 3, *images.shape[1:3]), np.float32)
    for channel, (mean, std) in enumerate(zip(info.mean, info.std, strict=True)):
        source = channel if info.channels == 'rgb' else 2 - channel
        np.subtract(images[..., source], np.float32(mean), out=result[:, channel], dtype=np.float32)
        result[:, channel] /= np.float32(std)
    return result


def view_of(image: Pixels, info: ModelInfo) -> NDArray[np.float32]:
    """Convert an image (H, W, 3), RGB, to the input (1, 3, h, w) in the network's own size."""
    height, width = fit(image.shape[0], image.shape[1], info.size)
    return normalise(resize(image, height, width)[None], info)
