"""The networks that a `Predictor` can use, and the facts that travel with their weights."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError
from mmseg_ext.reading import parse_json

Box = tuple[float, float]
Mode = Literal['whole', 'slide']
ChannelOrder = Literal['rgb', 'bgr']

FORMAT_VERSION = 1  # of the JSON
EXPORT_AGAIN = 'export the model again'
MAX_SIDE = 16_384  # pixels that a network is given
MAX_VIEWS = 100


@dataclass(frozen=True)
class ModelInfo:
    """What must be known of a network to use it.

    Attributes:
        classes: Names, palette and ignored value.
        mean: Subtracted from each channel (0–255), in the network's channel order.
        std: Divisor of each channel after the subtraction.
        channels: The network's channel order.
        size: Longest and shortest side, in pixels, that an image is fitted into; None leaves it as it is.
        tta_sizes: The same for each view of test-time augmentation; empty where there is none of several sizes.
        tta_flip: Whether each of those views is also predicted mirrored.
        mode: ``whole`` images, or tiles that ``slide`` over them.
        tile: Side of a tile in pixels.
        stride: Step from tile to tile in pixels.
        threshold: Probability above which a pixel is the second of two classes, of a network with one output or an
            ensemble with one; None where a pixel is its most probable class.

    >>> info = ModelInfo(Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60))), mean=(0, 0, 0), std=(1, 1, 1))
    >>> ModelInfo.from_json(info.to_json(), 'model.onnx') == info
    True
    """

    classes: Classes
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: ChannelOrder = 'rgb'
    size: Box | None = None
    tta_sizes: tuple[Box | None, ...] = ()
    tta_flip: bool = True
    mode: Mode = 'whole'
    tile: int = 512
    stride: int = 384
    threshold: float | None = None

    def to_json(self) -> str:
        """Serialise for the metadata of a model file."""
        content = dict(vars(self), format=FORMAT_VERSION, classes=None)
        return json.dumps(content | self.classes.as_mapping(), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> ModelInfo:
        """Read what `to_json` wrote.

        Args:
            text: The JSON.
            source: Name of the file, for errors.

        Raises:
            InputError: The text is no such JSON, or holds impossible values.
        """
        try:
            content = parse_json(text)
            if content['format'] != FORMAT_VERSION:
                raise InputError(source, f'metadata has format {content["format"]}, not {FORMAT_VERSION}', EXPORT_AGAIN)
            info = cls(
                classes=Classes.from_mapping(content, source),
                mean=_floats(content['mean'], 3),
                std=_floats(content['std'], 3),
                channels=_choice(content['channels'], get_args(ChannelOrder)),
                size=_box(content['size']),
                tta_sizes=tuple(map(_box, content['tta_sizes'])),
                tta_flip=bool(content['tta_flip']),
                mode=_choice(content['mode'], get_args(Mode)),
                tile=int(float(content['tile'])),
                stride=int(float(content['stride'])),
                threshold=None if content['threshold'] is None else float(content['threshold']),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(source, f'metadata cannot be used ({error!r:.200})', EXPORT_AGAIN) from error
        sides = [info.tile, info.stride, *(side for size in (info.size, *info.tta_sizes) for side in size or ())]
        problem = ''
        if not all(math.isfinite(value) for value in (*info.mean, *info.std, *sides, info.threshold or 0)):
            problem = 'a number that is not finite'
        elif min(*info.std, *sides) <= 0 or info.stride > info.tile:
            problem = 'a size or standard deviation that is not above 0, or a stride above the tile'
        elif max(sides) > MAX_SIDE or len(info.tta_sizes) > MAX_VIEWS:
            problem = f'a size above {MAX_SIDE:,} pixels, or more than {MAX_VIEWS} sizes of views'
        if problem:
            raise InputError(source, f'metadata holds {problem}', EXPORT_AGAIN)
        return info


class Network(Protocol):
    """Weights on some engine: `OnnxNetwork`, `TorchNetwork`, or anything else with these two members.

    Attributes:
        info: Classes, normalisation and sizes.
    """

    info: ModelInfo

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute class scores before softmax (or, with one output, sigmoid) at the size of the input.

        Args:
            inputs: Normalised images, shape (N, 3, H, W); H and W are multiples of 32.

        Returns:
            Shape (N, K, H, W), or (N, 1, H, W) of a network with one output.
        """
        ...


def _box(value: Any) -> Box | None:
    return None if value is None else _floats(value, 2)


def _floats(values: Any, count: int) -> Any:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count:
        raise ValueError(f'{count} numbers expected, found {values}')
    return numbers


def _choice(value: Any, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f'{value!r} is not one of {allowed}')
    return value
