"""What must be known of a network to use it: its classes, its normalisation and the sizes that it has learnt from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError

Box = tuple[float, float]
Mode = Literal['whole', 'slide']
ChannelOrder = Literal['rgb', 'bgr']

FORMAT = 1  # of the JSON


@dataclass(frozen=True)
class ModelInfo:
    """Facts that travel with the weights.

    Attributes:
        classes: Names, palette and ignored value.
        mean: Of the three channels, 0–255, in the order that the network takes them; it is subtracted first.
        std: What the difference is divided by.
        channels: The order of the channels.
        size: The longest and shortest side, in pixels, that a photograph is fitted into; None leaves it as it is.
        tta_sizes: The same for each view of test-time augmentation.
        tta_flip: Whether each of those views is also seen in the mirror.
        mode: ``whole`` photographs, or tiles that ``slide`` over them.
        tile: Side of a tile in pixels.
        stride: Step from tile to tile.
        threshold: Of a network with one output: the chance from which a pixel is the second class; else None.
    """

    classes: Classes
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: ChannelOrder = 'rgb'
    size: Box | None = None
    tta_sizes: tuple[Box, ...] = ()
    tta_flip: bool = True
    mode: Mode = 'whole'
    tile: int = 512
    stride: int = 384
    threshold: float | None = None

    def to_json(self) -> str:
        """As text, for the metadata of a model file."""
        content = dict(vars(self), format=FORMAT, classes=None)
        names = dict(classes=self.classes.names, palette=self.classes.palette, ignore_index=self.classes.ignore_index)
        return json.dumps(content | names, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, source: str) -> ModelInfo:
        """Read what `to_json` wrote; ``source`` names the file in errors.

        Raises:
            InputError: It is something else.
        """
        try:
            content = json.loads(text)
            if content['format'] != FORMAT:
                raise InputError(f'{source}: its metadata has format {content["format"]}, not {FORMAT}; export it anew')
            info = cls(
                classes=Classes.from_mapping(content, source),
                mean=_floats(content['mean'], 3),
                std=_floats(content['std'], 3),
                channels=_one_of(content['channels'], get_args(ChannelOrder)),
                size=None if content['size'] is None else _floats(content['size'], 2),
                tta_sizes=tuple(_floats(size, 2) for size in content['tta_sizes']),
                tta_flip=bool(content['tta_flip']),
                mode=_one_of(content['mode'], get_args(Mode)),
                tile=int(content['tile']),
                stride=int(content['stride']),
                threshold=None if content['threshold'] is None else float(content['threshold']),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f'{source}: its metadata cannot be used ({error!r}); export it anew') from error
        sides = [side for size in (info.size, *info.tta_sizes) for side in size or ()]
        if min(*info.std, *sides, info.tile, info.stride) <= 0 or info.stride > info.tile:
            raise InputError(f'{source}: its metadata holds a size or deviation that cannot be; export it anew')
        return info


def _floats(values: Any, count: int) -> Any:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != count:
        raise ValueError(f'{count} numbers expected, found {values}')
    return numbers


def _one_of(value: Any, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise ValueError(f'{value!r} is none of {allowed}')
    return value
