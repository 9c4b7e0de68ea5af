"""Classes that the user names, with colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError

GOLDEN = 0.618034  # of a turn: hues that stay apart however many there are
MOST = 200


def classes_with_background(names: Sequence[str]) -> Classes:
    """``background`` and the named classes, with colours far from each other.

    Raises:
        InputError: No class, a class named twice, one named ``background``, or too many for a mask.
    """
    wanted = ('background', *names)
    if not names or len(set(wanted)) < len(wanted) or len(wanted) > MOST:
        raise InputError(f'--classes {",".join(names)}: must name 1 to {MOST - 1} different classes, background aside')
    palette = [(0, 0, 0)]
    for position in range(len(names)):
        red, green, blue = colorsys.hsv_to_rgb(position * GOLDEN % 1, 0.73, 0.86)
        palette.append((round(red * 255), round(green * 255), round(blue * 255)))
    return Classes(wanted, tuple(palette))


def split_names(text: str) -> list[str]:
    """The names in ``cat,dog``."""
    return [name.strip() for name in text.split(',') if name.strip()]
