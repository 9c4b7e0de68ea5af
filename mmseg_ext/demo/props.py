"""Things that are no animals: clutter and occluders, as figures. The unit is about their radius."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmseg_ext.demo.coats import HAIR, Coat
from mmseg_ext.demo.figure import Figure, blob, curve, ellipse, limb
from mmseg_ext.demo.fills import Flat, Patches, Solid, Stripes

Prop = tuple[Figure, Coat]
VIVID_COLOURS = [
    (196, 62, 58),
    (62, 112, 178),
    (228, 180, 60),
    (88, 150, 92),
    (150, 90, 160),
    (226, 220, 208),
    (70, 72, 80),
    (214, 128, 60),
]


def draw_prop(rng: np.random.Generator, names: tuple[str, ...]) -> Prop:
    """Draw a random one of the named things."""
    return PROPS[names[int(rng.integers(len(names)))]](rng)


def _vivid(rng: np.random.Generator) -> tuple[float, float, float]:
    r, g, b = np.asarray(VIVID_COLOURS[int(rng.integers(len(VIVID_COLOURS)))]) * rng.uniform(0.7, 1.05)
    return float(r), float(g), float(b)


def ball(rng: np.random.Generator) -> Prop:
    """Draw a toy ball with a band."""
    figure = Figure()
    figure.part(ellipse(0, 0, 0.8, 0.8), 'coat', 0, fur=0.0)
    figure.stroke(curve([(-0.75, -0.2), (0, 0.15), (0.75, -0.2)], closed=False), 'band', 0.2)
    figure.detail(ellipse(-0.3, -0.4, 0.12, 0.08, -30), 'glint')
    return figure, {'coat': Flat(_vivid(rng)), 'band': Flat(_vivid(rng)), 'glint': Flat((250, 250, 245))}


def yarn(rng: np.random.Generator) -> Prop:
    """Draw a ball of wool."""
    figure = Figure()
    figure.part(ellipse(0, 0, 0.75, 0.75), 'coat', 30, fur=0.8)
    for angle in rng.uniform(0, 180, 7):
        line = ellipse(0, 0, 0.68, rng.uniform(0.15, 0.6), angle)[: int(rng.integers(14, 22))]
        figure.stroke(line, 'band', 0.06, 0.6)
    figure.stroke(curve([(0.6, 0.4), (1.2, 0.75), (1.7, 0.6), (2.2, 0.8)], closed=False), 'coat', 0.09, free=True)
    colour = _vivid(rng)
    return figure, {'coat': Solid(colour), 'band': Flat((colour[0] * 0.6, colour[1] * 0.6, colour[2] * 0.6))}


def cushion(rng: np.random.Generator) -> Prop:
    """Draw a cushion, smooth, striped or as furry as an animal."""
    figure = Figure()
    outline = curve([(-1.2, -0.9), (0, -0.78), (1.2, -0.9), (1.1, 0), (1.2, 0.9), (0, 0.8), (-1.2, 0.9), (-1.1, 0)])
    kind = rng.random()
    figure.part(outline, 'coat', rng.uniform(0, 180), fur=0.6 if kind < 0.4 else 0.25, relief=0.9)
    hair = list(HAIR.values())
    if kind < 0.4:
        base, other = (hair[int(i)] for i in rng.choice(len(hair), 2, replace=False))
        return figure, {'coat': Patches(base, [other], 0.0) if kind < 0.2 else Stripes(base, other)}
    return figure, {'coat': Stripes(_vivid(rng), _vivid(rng), 0.5, 0.8) if kind < 0.6 else Solid(_vivid(rng))}


def box(rng: np.random.Generator) -> Prop:
    """Draw a cardboard box."""
    figure = Figure()
    depth = rng.uniform(0.3, 0.5)
    figure.part([(-1, -0.5), (1, -0.5), (1, 0.8), (-1, 0.8)], 'coat', 0, fur=0.15, relief=0.25)
    figure.part(
        [(-1, -0.5), (-1 + depth, -0.5 - depth), (1 + depth, -0.5 - depth), (1, -0.5)],
        'coat',
        0,
        fur=0.15,
        relief=0.1,
        tone=1.2,
    )
    figure.part(
        [(1, -0.5), (1 + depth, -0.5 - depth), (1 + depth, 0.8 - depth), (1, 0.8)],
        'coat',
        90,
        fur=0.15,
        relief=0.1,
        tone=0.7,
    )
    figure.stroke([(0, -0.5), (0, 0.8)], 'band', 0.16, 0.5)
    return figure, {'coat': Solid((182, 142, 98)), 'band': Flat((214, 190, 150))}


def bowl(rng: np.random.Generator) -> Prop:
    """Draw a feeding bowl."""
    figure = Figure()
    figure.part(curve([(-1, -0.2), (1, -0.2), (0.75, 0.45), (0, 0.55), (-0.75, 0.45)]), 'coat', 0, fur=0.0)
    figure.part(ellipse(0, -0.2, 1.02, 0.28), 'coat', 0, fur=0.0, relief=0.2, tone=1.15)
    figure.part(ellipse(0, -0.18, 0.82, 0.19), 'food', 0, fur=0.5, relief=0.3)
    return figure, {'coat': Flat(_vivid(rng)), 'food': Solid((120, 82, 52), 0.4)}


def books(rng: np.random.Generator) -> Prop:
    """Draw a pile of books."""
    figure = Figure()
    coat: Coat = {'coat': Flat((225, 218, 200))}
    for i in range(int(rng.integers(2, 5))):
        y, shift, width = 0.6 - 0.32 * i, rng.uniform(-0.15, 0.15), rng.uniform(0.85, 1.15)
        coat[f'book{i}'] = Flat(_vivid(rng))
        figure.part(
            [(shift - width, y - 0.3), (shift + width, y - 0.3), (shift + width, y), (shift - width, y)],
            f'book{i}',
            0,
            fur=0.0,
            relief=0.3,
        )
        figure.stroke([(shift - width * 0.9, y - 0.15), (shift - width * 0.5, y - 0.15)], 'coat', 0.06)
    return figure, coat


def plant(rng: np.random.Generator) -> Prop:
    """Draw a pot plant."""
    figure = Figure()
    for angle in np.linspace(-70, 70, int(rng.integers(5, 9))) + rng.uniform(-8, 8):
        a = np.deg2rad(angle)
        tip = np.array([np.sin(a), -np.cos(a)]) * rng.uniform(1.2, 1.9)
        bend = tip * 0.55 + (0.1, -0.2)
        figure.part(
            limb(np.stack([np.zeros(2), bend, tip]), [0.06, 0.24, 0.02]),
            'leaf',
            angle + 90,
            fur=0.15,
            relief=0.7,
            contact=0.3,
        )
    figure.part([(-0.5, -0.05), (0.5, -0.05), (0.38, 0.85), (-0.38, 0.85)], 'coat', 0, fur=0.1)
    return figure, {'coat': Solid(_vivid(rng)), 'leaf': Solid((66, rng.uniform(95, 140), 58), 0.2)}


def tuft(rng: np.random.Generator) -> Prop:
    """Draw a tuft of tall grass."""
    figure = Figure()
    for _ in range(int(rng.integers(12, 22))):
        x, lean, height = rng.uniform(-1.1, 1.1), rng.normal(0, 0.35), rng.uniform(0.8, 1.9)
        blade = limb([(x, 0.6), (x + lean * 0.3, 0.6 - height * 0.5), (x + lean, 0.6 - height)], [0.07, 0.07, 0.015])
        figure.part(blade, f'leaf{int(rng.integers(3))}', 90, fur=0.0, relief=0.4, contact=0.2)
    greens = [(84, 116, 50), (112, 140, 66), (60, 88, 40)]
    return figure, {'coat': Flat(greens[0]), **{f'leaf{i}': Flat(green) for i, green in enumerate(greens)}}


def heap(rng: np.random.Generator) -> Prop:
    """Draw a heap of cloth, sometimes as furry as an animal."""
    figure = Figure()
    outline = blob(rng, (0.0, 0.0), 1.0, 0.22) * (1.3, 0.7)
    figure.part(outline, 'coat', rng.uniform(0, 180), fur=float(rng.choice([0.25, 0.7])))
    for _ in range(3):
        start, end = rng.uniform(-0.7, 0.7, 2), rng.uniform(-0.7, 0.7, 2)
        fold = curve([start, (start + end) / 2 + rng.uniform(-0.2, 0.2, 2), end], closed=False) * (1.1, 0.6)
        figure.stroke(fold, 'fold', 0.07, 0.35)
    hair = list(HAIR.values())
    colour = hair[int(rng.integers(len(hair)))] if rng.random() < 0.5 else _vivid(rng)
    return figure, {'coat': Solid(colour, 0.2), 'fold': Flat((20, 18, 20))}


PROPS: dict[str, Callable[[np.random.Generator], Prop]] = {
    'ball': ball,
    'yarn': yarn,
    'cushion': cushion,
    'box': box,
    'bowl': bowl,
    'books': books,
    'plant': plant,
    'tuft': tuft,
    'heap': heap,
}
