"""Backdrops of the scenes: floors seen from above, and floors that end at a wall or a hedge.

Backdrops are RGB, shape (S, S, 3), float32, about 0–255.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.demo.figure import ellipse
from mmseg_ext.demo.textures import Field, fibres, smooth_noise, smoothstep

Backdrop = NDArray[np.float32]
Colour = tuple[float, float, float]

OUTDOORS = ('grass', 'gravel')


@dataclass(frozen=True)
class Place:
    """Backdrop with its geometry.

    Attributes:
        backdrop: RGB values, shape (S, S, 3), float32.
        horizon: Row where the floor begins, as a share of the image's height; 0 where there is only floor.
        outdoors: Whether it is outdoors, where grass may grow.
    """

    backdrop: Backdrop
    horizon: float
    outdoors: bool


def _tint(colour: Colour, brightness: Field) -> Backdrop:
    return np.asarray(np.asarray(colour, np.float32) * brightness[..., None], np.float32)


def _pick(rng: np.random.Generator, colours: list[Colour]) -> Colour:
    colour = colours[int(rng.integers(len(colours)))]
    light = rng.uniform(0.85, 1.3)
    return colour[0] * light, colour[1] * light, colour[2] * light


def carpet(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint a carpet with short pile, plain or with a woven pattern."""
    colour = _pick(
        rng,
        [
            (176, 74, 68),
            (88, 110, 152),
            (212, 197, 170),
            (116, 136, 108),
            (66, 60, 66),
            (200, 156, 112),
            (166, 160, 166),
        ],
    )
    pile = fibres(rng, (size, size), rng.uniform(0, 180), 2.2, 1.0)
    backdrop = _tint(colour, 1 + 0.12 * pile + 0.1 * smooth_noise(rng, (size, size), size / 3))
    if rng.random() < 0.6:
        other = _pick(rng, [(220, 205, 175), (60, 45, 50), (185, 120, 70), (95, 110, 140)])
        y, x = np.indices((size, size), dtype=np.float32) / np.float32(size * rng.uniform(0.1, 0.22))
        weave = np.abs((x % 1) - 0.5) + np.abs((y % 1) - 0.5) if rng.random() < 0.6 else np.abs((y % 1) - 0.5) * 2
        figure = smoothstep(np.cos(weave * 2 * np.pi * rng.integers(1, 4)).astype(np.float32), 0.1, 0.3)[
            ..., None
        ] * np.float32(0.7)
        backdrop = backdrop * (1 - figure) + _tint(other, 1 + 0.12 * pile) * figure
    return backdrop


def grass(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint a meadow: blades in several greens, sometimes with petals."""
    base = _pick(rng, [(112, 148, 64), (88, 124, 58), (144, 156, 80), (56, 80, 44)])
    blades = fibres(rng, (size, size), 90 + rng.uniform(-25, 25), 6, 1.1)
    light = 1 + 0.22 * blades + 0.18 * smooth_noise(rng, (size, size), size / 4, 2)
    backdrop = np.ascontiguousarray(_tint(base, light))
    for _ in range(int(rng.integers(120, 320))):
        x, y = rng.uniform(0, size, 2)
        length, lean = rng.uniform(0.02, 0.06, 1)[0] * size, rng.normal(0, 0.35)
        green = np.asarray(base) * rng.uniform(0.55, 1.55) * (1.05, 1, 0.9)
        cv2.line(backdrop, (int(x), int(y)), (int(x + lean * length), int(y - length)), green.tolist(), 1, cv2.LINE_AA)
    if rng.random() < 0.4:
        petal = _pick(rng, [(240, 235, 225), (235, 205, 70), (200, 120, 190)])
        for x, y in rng.uniform(0, size, (int(rng.integers(8, 30)), 2)):
            cv2.circle(backdrop, (int(x), int(y)), max(1, round(size * 0.007)), petal, cv2.FILLED, cv2.LINE_AA)
    return backdrop


def planks(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint floor boards with grain and gaps."""
    colour = _pick(rng, [(186, 136, 86), (136, 92, 58), (218, 186, 146), (80, 58, 46), (172, 162, 150)])
    board = max(8, round(size * rng.uniform(0.08, 0.16)))
    rows = np.arange(size) // board
    tones = rng.uniform(0.8, 1.15, rows[-1] + 1).astype(np.float32)[rows]
    grain = fibres(rng, (size, size), 0, 22, 0.9)
    light = tones[:, None] * (1 + 0.09 * grain + 0.08 * smooth_noise(rng, (size, size), size / 5))
    light[np.arange(size) % board == 0] *= 0.5
    for row, x in enumerate(rng.integers(0, size, (rows[-1] + 1, 2))):
        light[row * board : (row + 1) * board, x] *= 0.55
    backdrop = _tint(colour, light.astype(np.float32))
    return backdrop if rng.random() < 0.5 else np.ascontiguousarray(backdrop.transpose(1, 0, 2))


def tiles(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint stone tiles, plain or as a chequerboard."""
    colour = _pick(rng, [(206, 200, 190), (160, 166, 172), (196, 160, 128), (76, 80, 86)])
    side = max(12, round(size * rng.uniform(0.12, 0.25)))
    cell = np.arange(size) // side
    tones = rng.uniform(0.9, 1.08, (cell[-1] + 1, cell[-1] + 1)).astype(np.float32)
    if rng.random() < 0.4:
        tones[(np.arange(len(tones))[:, None] + np.arange(len(tones))) % 2 == 1] *= rng.uniform(0.35, 0.7)
    light = tones[np.ix_(cell, cell)] * (1 + 0.1 * smooth_noise(rng, (size, size), size / 8, 4))
    joint = np.arange(size) % side < max(1, size // 128)
    light[joint] *= 0.72
    light[:, joint] *= 0.72
    return _tint(colour, light + 0.03 * rng.standard_normal((size, size), dtype=np.float32))


def sofa(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint upholstery: woven cloth, seams and folds."""
    colour = _pick(
        rng, [(156, 80, 78), (104, 124, 144), (214, 194, 164), (128, 106, 84), (64, 68, 80), (176, 182, 156)]
    )
    weave = fibres(rng, (size, size), 0, 2.5, 0.8) + fibres(rng, (size, size), 90, 2.5, 0.8)
    folds = smooth_noise(rng, (size, size), size / 2.5, 2)
    light = 1 + 0.07 * weave + 0.25 * folds
    distance = np.abs(np.arange(size, dtype=np.float32) / size - rng.uniform(0.25, 0.45))
    light *= (1 - 0.45 * np.exp(-((distance / 0.02) ** 2)))[:, None]
    for seam in rng.uniform(0, 1, 2):
        across = np.abs(np.arange(size, dtype=np.float32) / size - seam)
        light *= (1 - 0.35 * np.exp(-((across / 0.015) ** 2)))[None, :]
    return _tint(colour, light.astype(np.float32))


def blanket(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint a plaid blanket in folds."""
    colour = _pick(rng, [(170, 60, 60), (60, 90, 130), (200, 190, 170), (90, 110, 80)])
    other = _pick(rng, [(235, 225, 205), (40, 45, 60), (200, 160, 80)])
    warp = 0.05 * smooth_noise(rng, (size, size), size / 3, 2)
    y, x = np.indices((size, size), dtype=np.float32) / np.float32(size)
    pitch = rng.uniform(0.12, 0.25)
    bands = ((x + warp) / pitch % 1 < 0.4) * 0.4 + ((y + warp) / pitch % 1 < 0.4) * 0.4
    cloth = _tint(colour, np.ones_like(x)) * (1 - bands)[..., None] + np.asarray(other, np.float32) * bands[..., None]
    light = 1 + 0.1 * fibres(rng, (size, size), 45, 2, 1) + 0.22 * smooth_noise(rng, (size, size), size / 3, 2)
    return np.asarray(cloth * light[..., None], np.float32)


def gravel(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint pebbles or earth."""
    colour = _pick(rng, [(172, 162, 146), (136, 112, 86), (206, 190, 158), (88, 84, 82)])
    backdrop = np.ascontiguousarray(_tint(colour, 1 + 0.15 * smooth_noise(rng, (size, size), size / 5, 5)))
    for x, y in rng.uniform(0, size, (int(rng.integers(150, 350)), 2)):
        stone = ellipse(
            x, y, size * rng.uniform(0.006, 0.018), size * rng.uniform(0.005, 0.012), rng.uniform(0, 180), 8
        )
        tone = (np.asarray(colour) * rng.uniform(0.6, 1.35)).tolist()
        cv2.fillPoly(backdrop, [np.round(stone * 8).astype(np.int32)], tone, cv2.LINE_AA, 3)
    return backdrop


def wall(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint a wall, plain or striped, sometimes with a framed picture or a window."""
    colour = _pick(
        rng, [(214, 206, 192), (166, 182, 194), (206, 176, 152), (104, 116, 128), (178, 188, 156), (66, 64, 70)]
    )
    light = (
        1
        + 0.03 * rng.standard_normal((size, size), dtype=np.float32)
        + 0.06 * smooth_noise(rng, (size, size), size / 3, 3)
    )
    if rng.random() < 0.5:
        pitch = max(6, round(size * rng.uniform(0.05, 0.14)))
        light[:, np.arange(size) % pitch < pitch // 2] *= rng.uniform(0.82, 0.94)
    backdrop = np.ascontiguousarray(_tint(colour, light))
    if rng.random() < 0.6:
        _hang(rng, backdrop)
    return backdrop


def _hang(rng: np.random.Generator, backdrop: Backdrop) -> None:
    """Hang a framed picture, or paint a window with its bars, on a wall."""
    size = backdrop.shape[0]
    left, top = size * rng.uniform(-0.05, 0.75), size * rng.uniform(-0.12, 0.06)
    width, height = size * rng.uniform(0.15, 0.35), size * rng.uniform(0.15, 0.3)
    corner, end = (int(left), int(top)), (int(left + width), int(top + height))
    window = rng.random() < 0.5
    inside = _pick(
        rng,
        [(196, 214, 226), (222, 226, 222), (60, 72, 96)]
        if window
        else [(150, 120, 90), (96, 116, 110), (170, 90, 80), (70, 90, 120)],
    )
    frame = _pick(rng, [(228, 224, 214), (96, 70, 50), (50, 48, 48)])
    cv2.rectangle(backdrop, corner, end, inside, cv2.FILLED)
    thickness = max(2, size // 64)
    cv2.rectangle(backdrop, corner, end, frame, thickness)
    if window:
        middle = ((corner[0] + end[0]) // 2, (corner[1] + end[1]) // 2)
        cv2.line(backdrop, (middle[0], corner[1]), (middle[0], end[1]), frame, thickness)
        cv2.line(backdrop, (corner[0], middle[1]), (end[0], middle[1]), frame, thickness)


def hedge(rng: np.random.Generator, size: int) -> Backdrop:
    """Paint out-of-focus greenery under a pale sky."""
    green = _pick(rng, [(86, 118, 72), (116, 140, 84), (64, 86, 66)])
    leaves = smooth_noise(rng, (size, size), size / 6, 4)
    backdrop = _tint(green, 1 + 0.6 * leaves)
    sky = smoothstep(
        smooth_noise(rng, (size, size), size / 3, 2) + np.linspace(0.8, -0.8, size, dtype=np.float32)[:, None], 0.2, 0.6
    )
    backdrop += (np.asarray((190, 205, 215), np.float32) - backdrop) * (0.75 * sky)[..., None]
    return np.asarray(cv2.GaussianBlur(backdrop, (0, 0), size * 0.008), np.float32)


FLOORS: dict[str, Callable[[np.random.Generator, int], Backdrop]] = {
    'carpet': carpet,
    'grass': grass,
    'planks': planks,
    'tiles': tiles,
    'sofa': sofa,
    'blanket': blanket,
    'gravel': gravel,
}


def draw_place(rng: np.random.Generator, size: int) -> Place:
    """Draw a random place: a floor seen from above, or a floor in front of a wall or hedge."""
    names = list(FLOORS)
    name = names[int(rng.integers(len(names)))]
    outdoors = name in OUTDOORS
    floor = FLOORS[name](rng, size)
    if rng.random() < 0.5:
        return Place(floor, 0.0, outdoors)
    horizon = float(rng.uniform(0.18, 0.48))
    back = hedge(rng, size) if outdoors else wall(rng, size)
    return Place(_join(rng, floor, back, size * horizon), horizon, outdoors)


def _join(rng: np.random.Generator, floor: Backdrop, back: Backdrop, line: float) -> Backdrop:
    """Put the floor in perspective, from the row ``line`` down, in front of a wall or hedge."""
    size = floor.shape[0]
    spread = size * rng.uniform(0.2, 0.5)
    source = np.array([(0, 0), (size, 0), (size, size), (0, size)], np.float32)
    target = np.array([(0, line), (size, line), (size + spread, size), (-spread, size)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    backdrop = cv2.warpPerspective(floor, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    cut = round(line)
    backdrop[:cut] = back[:cut]
    rim = np.exp(-((np.arange(size, dtype=np.float32) - cut) ** 2) / (0.0004 * size**2))
    return np.asarray(backdrop * (1 - 0.35 * rim)[:, None, None], np.float32)
