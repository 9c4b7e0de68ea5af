"""Canvas: the image of a scene and its mask, painted from back to front."""

from __future__ import annotations

import cv2
import numpy as np

from mmseg_ext.demo.backdrops import Place
from mmseg_ext.demo.coats import Coat
from mmseg_ext.demo.figure import Figure, Part
from mmseg_ext.demo.painter import Painter, Sprite

BACKGROUND, CAT, DOG = 0, 1, 2
MIN_COVERAGE = 0.5  # share of a pixel that a sprite must cover to own it
SHADOW_HEIGHT = 0.22  # of the height of what casts it

Window = tuple[slice, slice]


class Canvas:
    """Square image with its mask.

    Args:
        place: The backdrop to paint on.
        rng: Random generator.

    Attributes:
        image: Shape (S, S, 3), float32, RGB, about 0–255.
        mask: Shape (S, S), uint8: class of the animal visible in each pixel.
        objects: Shape (S, S), bool: things that are no animals.
        light: Direction of the light, (x, y), y down.
    """

    def __init__(self, place: Place, rng: np.random.Generator) -> None:
        self.rng = rng
        self.place = place
        self.size = place.backdrop.shape[0]
        self.light = (float(rng.uniform(-0.8, 0.8)), float(rng.uniform(0.5, 1.0)))
        self.image = place.backdrop
        self.mask = np.zeros((self.size, self.size), np.uint8)
        self.objects = np.zeros((self.size, self.size), bool)

    def paint(self, figure: Figure, coat: Coat, area: float, x: float, foot: float) -> Sprite:
        """Paint a figure, slightly rotated and perhaps mirrored, without adding it to the image.

        Args:
            figure: The figure.
            coat: Its coat.
            area: Pixels that it shall cover.
            x: Column of its middle.
            foot: Row of its lowest point; a figure whose head would lie above the image stands lower.
        """
        turned = figure.transformed(angle=float(self.rng.uniform(-8, 8)), mirror=bool(self.rng.random() < 0.5))
        unit = float(np.sqrt(area / max(_area(turned), 1e-6)))
        low, high = turned.bounds()
        foot = max(foot, unit * float(high[1] - low[1]) - 0.03 * self.size)
        anchor = ((low[0] + high[0]) / 2, high[1])
        placed = turned.transformed(scale=unit, offset=(x - unit * anchor[0], foot - unit * anchor[1]))
        return Painter(placed, coat, unit, self.light, self.rng).paint()

    def add(self, sprite: Sprite, value: int) -> None:
        """Add a sprite on top with its shadow and hairs; ``value`` is its class, 0 for a thing."""
        self._shadow(sprite)
        window, inside = self._clip(sprite)
        colour, alpha = sprite.colour[inside], sprite.alpha[inside]
        self.image[window] = self.image[window] * (1 - alpha)[..., None] + colour
        self.mask[window][alpha >= MIN_COVERAGE] = value
        self.objects[window][alpha >= MIN_COVERAGE] = value == BACKGROUND
        hair = sprite.hair_alpha[inside]
        self.image[window] = self.image[window] * (1 - hair)[..., None] + sprite.hair_colour[inside]

    def coverage(self, sprite: Sprite) -> np.ndarray:
        """Return the pixels of the image that a sprite would own, shape (S, S), bool."""
        window, inside = self._clip(sprite)
        taken = np.zeros((self.size, self.size), bool)
        taken[window] = sprite.alpha[inside] >= MIN_COVERAGE
        return taken

    def _shadow(self, sprite: Sprite) -> None:
        """Darken the image by a soft shadow: the sprite laid flat on the floor, and a dim rim around it."""
        shape, height = (self.size, self.size), sprite.alpha.shape[0]
        foot = (sprite.top + 0.93 * height) * (1 - SHADOW_HEIGHT) + sprite.top * SHADOW_HEIGHT
        flat = np.array([[1, 0, sprite.left + 3 * self.light[0]], [0, SHADOW_HEIGHT, foot]], np.float32)
        upright = np.array([[1, 0, sprite.left], [0, 1, sprite.top]], np.float32)
        cast = cv2.GaussianBlur(cv2.warpAffine(sprite.alpha, flat, shape), (0, 0), 0.02 * self.size)
        rim = cv2.GaussianBlur(cv2.warpAffine(sprite.alpha, upright, shape), (0, 0), 0.015 * self.size)
        self.image *= (1 - np.minimum(0.4 * cast + 0.25 * rim, 0.6))[..., None]

    def _clip(self, sprite: Sprite) -> tuple[Window, Window]:
        """Return the window of the image that a sprite covers, and the same window in the sprite; both may be empty."""
        height, width = sprite.alpha.shape
        rows = np.clip((sprite.top, sprite.top + height), 0, self.size)
        columns = np.clip((sprite.left, sprite.left + width), 0, self.size)
        window = (slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1])))
        inside = (
            slice(int(rows[0]) - sprite.top, int(rows[1]) - sprite.top),
            slice(int(columns[0]) - sprite.left, int(columns[1]) - sprite.left),
        )
        return window, inside


def _area(figure: Figure) -> float:
    """Compute the area of the union of a figure's parts, in square units."""
    low, high = figure.bounds()
    scale = 96 / float((high - low).max())
    drawn = np.zeros((98, 98), np.uint8)
    for item in figure.items:
        if isinstance(item, Part):
            cv2.fillPoly(drawn, [np.round((item.outline - low) * scale).astype(np.int32)], 1)
    return float(np.count_nonzero(drawn) / scale**2)
