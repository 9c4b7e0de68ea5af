"""Synthetic scene: a backdrop, things, animals, perhaps an occluder, and the camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.demo.backdrops import draw_place
from mmseg_ext.demo.canvas import BACKGROUND, CAT, DOG, Canvas
from mmseg_ext.demo.cats import draw_cat
from mmseg_ext.demo.coats import cat_coat, dog_coat
from mmseg_ext.demo.dogs import draw_dog
from mmseg_ext.demo.painter import Sprite
from mmseg_ext.demo.props import draw_prop

CLUTTER = ('ball', 'yarn', 'cushion', 'cushion', 'box', 'bowl', 'books', 'plant', 'heap', 'heap')
INDOOR_OCCLUDERS = ('ball', 'cushion', 'box', 'bowl', 'books', 'plant', 'heap')
OUTDOOR_OCCLUDERS = ('ball', 'box', 'bowl', 'plant', 'heap', 'tuft', 'tuft', 'tuft', 'tuft')
MIN_AREA, MAX_AREA = 0.035, 0.33  # of one animal, as shares of the image
MIN_VISIBLE = 0.6  # share of every animal that must stay visible behind others
DIM_SHARE = 0.12  # of the scenes, with dark animals on a dark backdrop


@dataclass(frozen=True)
class Scene:
    """Image with its exact mask.

    Attributes:
        image: Shape (S, S, 3), uint8, RGB.
        mask: Shape (S, S), uint8: 0 background, 1 cat, 2 dog, where the animal is visible. A pixel belongs to what
            covers at least half of it; whiskers are finer than that and belong to what lies behind them.
        objects: Shape (S, S), bool: visible things that are no animals.
    """

    image: NDArray[np.uint8]
    mask: Mask
    objects: NDArray[np.bool_]


def render_scene(rng: np.random.Generator, size: int, first_class: int) -> Scene:
    """Render one scene.

    Args:
        rng: Random generator, the only source of randomness.
        size: Side of the image in pixels.
        first_class: Class of the first animal (1 cat, 2 dog), so that a data set can be balanced.
    """
    place = draw_place(rng, size)
    dim = bool(rng.random() < DIM_SHARE)
    if dim:
        place = replace(place, backdrop=place.backdrop * np.float32(55 / max(float(place.backdrop.mean()), 55.0)))
    canvas = Canvas(place, rng)
    _add_clutter(canvas)
    _add_animals(canvas, first_class, dim)
    if rng.random() < 0.5:
        _add_occluder(canvas)
    return Scene(_take_photo(rng, canvas.image), canvas.mask, canvas.objects)


def _add_clutter(canvas: Canvas) -> None:
    """Put up to four things on the floor, the farthest first."""
    rng, size = canvas.rng, canvas.size
    feet = sorted(rng.uniform(canvas.place.horizon + 0.08, 1.05, int(rng.integers(0, 5))).tolist())
    for foot in feet:
        figure, coat = draw_prop(rng, CLUTTER)
        area = rng.uniform(0.01, 0.06) * size**2
        canvas.add(canvas.paint(figure, coat, area, rng.uniform(0, size), foot * size), BACKGROUND)


def _add_animals(canvas: Canvas, first_class: int, dim: bool) -> None:
    """Add one to three animals side by side, the farthest first; one that hides too much of another is left out."""
    rng = canvas.rng
    count = int(rng.choice([1, 2, 3], p=[0.7, 0.25, 0.05]))
    share = float(np.exp(rng.normal(np.log(0.13), 0.6))) / count**0.5
    largest = MAX_AREA / count
    x, foot = rng.uniform(0.3, 0.7), rng.uniform(max(0.62, canvas.place.horizon + 0.22), 0.98)
    side = int(rng.choice([-1, 1]))
    animals: list[tuple[Sprite, int]] = []
    for i in range(count):
        value = first_class if i == 0 else int(rng.integers(CAT, DOG + 1))
        area = float(np.clip(share * rng.uniform(0.75, 1.25), MIN_AREA, largest))
        step = side * (-1) ** i * ((i + 1) // 2) * rng.uniform(1.0, 1.5) * np.sqrt(area)
        sprite = _paint_animal(canvas, value, dim, area, x + step, foot + rng.uniform(-0.06, 0.06))
        animals.append((sprite, value))
    animals.sort(key=lambda animal: animal[0].top + animal[0].alpha.shape[0])
    for i, (sprite, value) in enumerate(animals):
        if not any(_hides_too_much(canvas.coverage(sprite), canvas.coverage(other)) for other, _ in animals[:i]):
            canvas.add(sprite, value)


def _paint_animal(canvas: Canvas, value: int, dim: bool, area: float, x: float, foot: float) -> Sprite:
    """Paint an animal of a class that covers ``area`` of the image; a bust is larger and reaches out below."""
    rng, size = canvas.rng, canvas.size
    coat = cat_coat(rng, dim) if value == CAT else dog_coat(rng, dim)
    figure = draw_cat(rng, coat.keys()) if value == CAT else draw_dog(rng, coat.keys())
    if figure.bust:
        area, foot = min(1.3 * area + 0.06, MAX_AREA), rng.uniform(1.05, 1.15)
    return canvas.paint(figure, coat, area * size**2, float(np.clip(x, 0.12, 0.88)) * size, foot * size)


def _hides_too_much(taken: NDArray[np.bool_], whole: NDArray[np.bool_]) -> bool:
    """Tell whether covering the pixels ``taken`` leaves too little of something visible."""
    return bool(np.count_nonzero(whole & taken) > (1 - MIN_VISIBLE) * np.count_nonzero(whole))


def _add_occluder(canvas: Canvas) -> None:
    """Put a thing in front of an animal, unless it would hide too much."""
    rng, size = canvas.rng, canvas.size
    ys, xs = np.nonzero(canvas.mask)
    figure, coat = draw_prop(rng, OUTDOOR_OCCLUDERS if canvas.place.outdoors else INDOOR_OCCLUDERS)
    foot = float(np.quantile(ys, rng.uniform(0.9, 1.0))) + 0.04 * size
    x = float(rng.uniform(xs.min(), xs.max()))
    sprite = canvas.paint(figure, coat, len(ys) * rng.uniform(0.15, 0.45), x, foot)
    taken = canvas.coverage(sprite)
    animals = [canvas.mask == value for value in (CAT, DOG)]
    if not any(_hides_too_much(taken, animal) for animal in animals):
        canvas.add(sprite, BACKGROUND)


def _take_photo(rng: np.random.Generator, scene: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Add the flaws of a cheap camera: uneven light, colour cast, blur and noise.

    Args:
        rng: Random generator.
        scene: Shape (S, S, 3), float32, RGB, about 0–255.

    Returns:
        Shape (S, S, 3), uint8, RGB.
    """
    lit = scene * _light(rng, scene.shape[0])[..., None] * _cast(rng)
    blur = rng.uniform(0, 0.9)
    if blur > 0.35:
        lit = cv2.GaussianBlur(lit, (0, 0), blur)
    noisy = lit + np.float32(rng.uniform(1, 5)) * rng.standard_normal(lit.shape, dtype=np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _light(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Draw factors (S, S) that are brighter on one side and darker in the corners."""
    axis = np.arange(size, dtype=np.float32) / np.float32(size) - np.float32(0.5)
    y, x = axis[:, None], axis[None, :]
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.float32(rng.uniform(0.1, 0.5))
    gradient = 1 + slope * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)))
    vignette = 1 - np.float32(rng.uniform(0, 0.6)) * (x * x + y * y)
    return np.asarray(gradient * vignette, np.float32)


def _cast(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw white balance and exposure as one factor per channel."""
    exposure = rng.choice([0.7, 0.9, 1.02, 1.15], p=[0.08, 0.22, 0.4, 0.3])
    return np.asarray(rng.uniform(0.94, 1.06, 3) * exposure, np.float32)
