"""Painter of figures: fur, relief and soft edges, at twice the resolution of the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_ext.demo import textures
from mmseg_ext.demo.figure import Figure, Part, Stroke
from mmseg_ext.demo.fills import Fill, Surface
from mmseg_ext.demo.textures import Field

OVERSAMPLING = 2
SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Sprite:
    """Painted figure.

    Attributes:
        colour: Shape (H, W, 3), float32, RGB 0–255, premultiplied by ``alpha``.
        alpha: Shape (H, W), float32, 0–1.
        hair_colour: As ``colour``, of the free strokes, which go over the figure.
        hair_alpha: As ``alpha``, of the free strokes, which are no part of the mask.
        left: Column of its first pixel in the image.
        top: Row of its first pixel in the image.
    """

    colour: Field
    alpha: Field
    hair_colour: Field
    hair_alpha: Field
    left: int
    top: int


class Painter:
    """Painter of one figure, given in image pixels.

    Args:
        figure: The figure.
        coat: Role → fill; a role that is missing is painted as ``coat``.
        unit: Length of the figure's unit in image pixels; hairs and patterns scale with it.
        light: Direction the light travels in, (x, y), y down.
        rng: Random generator.
    """

    def __init__(
        self,
        figure: Figure,
        coat: Mapping[str, Fill],
        unit: float,
        light: tuple[float, float],
        rng: np.random.Generator,
    ) -> None:
        low, high = figure.bounds()
        margin = 3 + 0.15 * unit
        self.left, self.top = (int(np.floor(v - margin)) for v in low)
        width, height = (int(np.ceil(v + margin)) - first for v, first in zip(high, (self.left, self.top), strict=True))
        self.figure, self.coat, self.light = figure, coat, light
        self.unit = unit * OVERSAMPLING
        self.shape = (height * OVERSAMPLING, width * OVERSAMPLING)
        self.colour = np.zeros((*self.shape, 3), np.float32)
        self.alpha = np.zeros(self.shape, np.float32)
        self.hair_colour = np.zeros_like(self.colour)
        self.hair_alpha = np.zeros_like(self.alpha)
        self.fur_offset = (int(rng.integers(textures.TILE_PX)), int(rng.integers(textures.TILE_PX)))
        self.surface = Surface(self.shape, self.unit, rng)

    def paint(self) -> Sprite:
        """Paint all items and shrink the result to the resolution of the image."""
        for item in self.figure.items:
            if isinstance(item, Part):
                self._paint_part(item)
            else:
                self._paint_stroke(item)
        size = (self.shape[1] // OVERSAMPLING, self.shape[0] // OVERSAMPLING)
        layers = (self.colour, self.alpha, self.hair_colour, self.hair_alpha)
        small = [cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in layers]
        return Sprite(small[0], small[1], small[2], small[3], self.left, self.top)

    def _to_canvas(self, points: np.ndarray) -> np.ndarray:
        return (points - (self.left, self.top)) * OVERSAMPLING

    def _paint_part(self, part: Part) -> None:
        outline = self._to_canvas(part.outline)
        pad = round(4 + 0.12 * self.unit * (part.fur + part.contact))
        left, top = (max(0, int(v)) for v in np.floor(outline.min(axis=0)) - pad)
        right, bottom = (int(v) for v in np.ceil(outline.max(axis=0)) + pad)
        right, bottom = min(right, self.shape[1]), min(bottom, self.shape[0])
        if right - left < 2 or bottom - top < 2:
            return
        window = (slice(top, bottom), slice(left, right))
        hairs = self._hairs(window, part)
        cover = self._cover(outline - (left, top), (bottom - top, right - left), part, hairs)
        colour = self.coat.get(part.role, self.coat['coat']).colour(self.surface, window, part.axis)
        shade = self._shade(cover, part) * np.float32(part.tone)
        if hairs is not None:
            shade = shade * (1 + np.float32(0.11 * part.fur) * hairs)
        below = self.colour[window]
        if part.contact:
            rim = cv2.GaussianBlur(cover, (0, 0), max(0.8, 0.07 * self.unit))
            below = below * (1 - np.float32(part.contact) * rim)[..., None]
        self.colour[window] = below * (1 - cover)[..., None] + colour * (shade * cover)[..., None]
        self.alpha[window] = self.alpha[window] * (1 - cover) + cover

    def _hairs(self, window: tuple[slice, slice], part: Part) -> Field | None:
        if not part.fur:
            return None
        shape = (window[0].stop - window[0].start, window[1].stop - window[1].start)
        top, left = window[0].start + self.fur_offset[0], window[1].start + self.fur_offset[1]
        return textures.fur(top, left, shape, part.axis, length=0.22 * self.unit * (0.5 + part.fur / 2))

    def _cover(self, outline: np.ndarray, shape: tuple[int, int], part: Part, hairs: Field | None) -> Field:
        """Compute the share of each pixel that the part covers, 0–1; hairs make its edge uneven."""
        drawn = np.zeros(shape, np.uint8)
        points = np.round(outline * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(drawn, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
        cover: Field = drawn.astype(np.float32) / np.float32(255)
        if hairs is None:
            return cover
        soft = cv2.GaussianBlur(cover, (0, 0), max(0.8, 0.045 * self.unit * part.fur))
        ragged = np.clip((soft + np.float32(0.13 * part.fur) * hairs - 0.5) * 3 + 0.5, 0, 1)
        return np.asarray(ragged * (soft > 0.02), np.float32)  # no stray hairs far from the part

    def _shade(self, cover: Field, part: Part) -> Field:
        """Compute the brightness of a round body in the light, from the slope of its blurred cover."""
        if not part.relief:
            return np.ones_like(cover)
        small = cv2.resize(
            cover, (max(2, cover.shape[1] // 4), max(2, cover.shape[0] // 4)), interpolation=cv2.INTER_AREA
        )
        radius = max(1.0, 0.16 * min(small.shape))
        height = cv2.GaussianBlur(small, (0, 0), radius, borderType=cv2.BORDER_CONSTANT)
        gx = cv2.Sobel(height, cv2.CV_32F, 1, 0) * (0.25 * radius)
        gy = cv2.Sobel(height, cv2.CV_32F, 0, 1) * (0.25 * radius)
        lit = gx * self.light[0] + gy * self.light[1]
        shade = 1.03 + part.relief * (0.62 * lit - 0.34 * (1 - height))
        return cv2.resize(shade.astype(np.float32), cover.shape[::-1], interpolation=cv2.INTER_LINEAR)

    def _paint_stroke(self, stroke: Stroke) -> None:
        points = np.round(self._to_canvas(stroke.line) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        drawn = np.zeros(self.shape, np.uint8)
        thickness = max(1, round(stroke.width * OVERSAMPLING))
        cv2.polylines(drawn, [points], False, 255, thickness, cv2.LINE_AA, SUBPIXEL_BITS)
        left, top, width, height = cv2.boundingRect(drawn)
        window = (slice(top, top + height), slice(left, left + width))
        cover = drawn[window].astype(np.float32) * np.float32(stroke.opacity / 255)
        colour = self.coat.get(stroke.role, self.coat['coat']).colour(self.surface, window, 0.0)
        if stroke.free:
            self.hair_colour[window] = self.hair_colour[window] * (1 - cover)[..., None] + colour * cover[..., None]
            self.hair_alpha[window] = self.hair_alpha[window] * (1 - cover) + cover
        else:
            cover = cover * self.alpha[window]
            self.colour[window] = self.colour[window] * (1 - cover)[..., None] + colour * cover[..., None]
