"""What a LabelMe file must know of its photograph, read from the photograph's header."""

from __future__ import annotations

import base64
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mmseg_ext.errors import InputError

ORIENTATION_TAG = 0x0112


@dataclass(frozen=True)
class Photograph:
    """Where a photograph lies and how large it is.

    Attributes:
        path: The file.
        size: Height and width of the pixels as they are stored.
        turned: Whether its EXIF header asks viewers to turn or mirror it, which masks do not follow.
    """

    path: Path
    size: tuple[int, int]
    turned: bool

    def path_from(self, folder: Path) -> str:
        """Its path relative to a folder, with forward slashes, as ``imagePath`` holds it."""
        target = self.path.parent.resolve() / self.path.name
        try:
            return Path(os.path.relpath(target, folder.resolve())).as_posix()
        except ValueError:  # another drive
            return target.as_posix()

    def embedded(self) -> str | None:
        """What ``imageData`` must hold: None, or the file in base64 if it is turned.

        labelme turns photographs that it opens by their path, and the shapes would lie on the wrong pixels; embedded
        ones it takes as they are.
        """
        if not self.turned:
            return None
        try:
            return base64.b64encode(self.path.read_bytes()).decode('ascii')
        except OSError as error:
            raise InputError(f'{self.path}: image cannot be read ({error.strerror})') from error


def read_photograph(path: Path) -> Photograph:
    """Read the header of a photograph; no pixel is decoded.

    Raises:
        InputError: The file is missing or no image.
    """
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(ORIENTATION_TAG, 1) not in (0, 1)
            return Photograph(path, (image.height, image.width), turned)
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise InputError(f'{path}: image cannot be read ({error}); copy the file anew') from error
