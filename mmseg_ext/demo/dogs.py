"""Dogs as figures. The unit is the radius of the head; every pose looks to the right or at the viewer."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from mmseg_ext.demo.figure import LEFT, RIGHT, Figure, curve, ellipse, limb, symmetric

SKULL = [(0, -0.9), (0.48, -0.84), (0.8, -0.42), (0.84, 0.1), (0.68, 0.5), (0.5, 0.95), (0, 1.12)]


def draw_dog(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a dog in a random pose; see `mmseg_ext.demo.cats.draw_cat`."""
    poses = list(POSES)
    return POSES[poses[int(rng.choice(len(poses), p=[0.26, 0.32, 0.2, 0.22]))]](rng, marks)


def head(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a face from the front: a heavy muzzle with a large nose, round dark eyes, hanging or tall ears."""
    figure = Figure()
    ears = str(rng.choice(['hanging', 'hanging', 'pricked', 'folded']))
    if ears == 'pricked':
        _front_ears(figure, ears, rng)
    figure.part(symmetric(SKULL), 'coat', 90, contact=0.35)
    if 'blaze' in marks:
        figure.part(
            symmetric([(0, -0.85), (0.12, -0.6), (0.16, 0.0), (0.3, 0.4), (0, 0.6)]),
            'blaze',
            90,
            relief=0.2,
            contact=0.0,
        )
    if ears != 'pricked':
        _front_ears(figure, ears, rng)
    mouth_open = rng.random() < 0.5
    if mouth_open:
        figure.detail(ellipse(0, 0.98, 0.3, 0.3), 'line')
        figure.detail(symmetric([(0, 0.85), (0.17, 0.9), (0.19, 1.25), (0.12, 1.48), (0, 1.52)]), 'tongue', relief=0.4)
        figure.stroke([(0, 0.95), (0, 1.35)], 'line', 0.03, 0.4)
    muzzle = [(0, -0.02), (0.3, 0.1), (0.46, 0.42), (0.56, 0.72), (0.36, 0.95), (0, 0.9)]
    figure.part(symmetric(muzzle), 'muzzle', 90, fur=0.6, relief=1.1, contact=0.4)
    figure.detail(symmetric([(0, 0.08), (0.2, 0.1), (0.28, 0.24), (0.16, 0.38), (0, 0.44)]), 'nose', relief=0.7)
    figure.detail(ellipse(-0.08, 0.17, 0.09, 0.04), 'glint' if rng.random() < 0.4 else 'nose')
    figure.stroke([(0, 0.42), (0, 0.7)], 'line', 0.05)
    for side in (RIGHT, LEFT):
        figure.stroke(curve(np.array([(0, 0.7), (0.2, 0.82), (0.46, 0.72)]) * side, closed=False), 'line', 0.06)
        if 'brow' in marks:
            figure.part(ellipse(0.36 * side[0], -0.42, 0.15, 0.1), 'brow', 90, relief=0.2, contact=0.0)
    for sign in (1, -1):
        figure.detail(ellipse(0.38 * sign, -0.16, 0.19, 0.17), 'rim')
        figure.detail(ellipse(0.38 * sign, -0.15, 0.15, 0.14), 'iris', relief=0.5)
        figure.detail(ellipse(0.38 * sign, -0.15, 0.085, 0.085), 'pupil')
        figure.detail(ellipse(0.38 * sign + 0.05, -0.2, 0.05, 0.05), 'glint')
    return figure


def _front_ears(figure: Figure, ears: str, rng: np.random.Generator) -> None:
    length = rng.uniform(0.85, 1.35)
    for side in (RIGHT, LEFT):
        if ears == 'hanging':
            lobe = np.array(
                [
                    (0.5, -0.82),
                    (0.9, -0.7),
                    (1.14, -0.1),
                    (1.2, 0.75 * length),
                    (0.98, 0.98 * length),
                    (0.78, 0.6 * length),
                    (0.68, -0.1),
                ]
            )
            figure.part(curve(lobe) * side, 'ear', 90, contact=0.45)
        elif ears == 'folded':
            stem = np.array([(0.3, -0.78), (0.6, -1.15), (0.95, -0.95), (0.86, -0.4)])
            figure.part(curve(stem) * side, 'ear', 90, contact=0.3)
            flap = np.array([(0.45, -1.12), (0.95, -1.12), (1.18, -0.72), (1.08, -0.32), (0.8, -0.7)])
            figure.part(curve(flap) * side, 'ear', 120, contact=0.45)
        else:
            figure.part(
                curve(np.array([(0.16, -0.6), (0.36, -1.4), (0.6, -1.85), (0.8, -1.4), (0.86, -0.3)])) * side,
                'ear',
                90,
                contact=0.2,
            )
            figure.part(
                curve(np.array([(0.38, -0.85), (0.48, -1.35), (0.6, -1.62), (0.7, -1.3), (0.72, -0.7)])) * side,
                'ear_inner',
                90,
                contact=0.2,
            )


def profile_head(rng: np.random.Generator) -> Figure:
    """Draw a head from the side: a long snout that ends in the nose."""
    figure = Figure()
    long = rng.uniform(0.85, 1.2)
    tip = 0.5 + 1.15 * long
    if rng.random() < 0.5:
        figure.detail(
            curve([(tip - 0.75, 0.55), (tip - 0.2, 0.6), (tip - 0.12, 1.1), (tip - 0.3, 1.35), (tip - 0.5, 1.1)]),
            'tongue',
            relief=0.4,
        )
    figure.part(
        limb([(0.2, 0.45), (0.8, 0.62), (tip - 0.28, 0.66)], [0.4, 0.26, 0.16]), 'muzzle', 10, fur=0.6, contact=0.2
    )
    figure.part(ellipse(0, 0, 0.9, 0.86), 'coat', 60, contact=0.3)
    figure.part(limb([(0.1, 0.1), (0.75, 0.25), (tip, 0.36)], [0.62, 0.4, 0.27]), 'muzzle', 10, fur=0.6, contact=0.15)
    figure.detail(ellipse(tip + 0.18, 0.22, 0.2, 0.17, 15), 'nose', relief=0.7)
    figure.stroke(curve([(tip + 0.15, 0.52), (tip - 0.4, 0.62), (0.62, 0.6)], closed=False), 'line', 0.06)
    figure.detail(ellipse(0.42, -0.2, 0.17, 0.15), 'rim')
    figure.detail(ellipse(0.43, -0.2, 0.12, 0.12), 'iris')
    figure.detail(ellipse(0.45, -0.2, 0.07, 0.08), 'pupil')
    figure.detail(ellipse(0.48, -0.25, 0.045, 0.045), 'glint')
    if rng.random() < 0.65:
        drop = rng.uniform(0.8, 1.2)
        lobe = [
            (-0.05, -0.72),
            (-0.5, -0.62),
            (-0.85, 0.1),
            (-0.8, 0.85 * drop),
            (-0.45, 1.05 * drop),
            (-0.15, 0.6 * drop),
            (0.05, -0.1),
        ]
        figure.part(curve(lobe), 'ear', 90, contact=0.5)
    else:
        figure.part(
            curve([(0.15, -0.62), (-0.05, -1.3), (-0.25, -1.7), (-0.55, -1.2), (-0.6, -0.4)]), 'ear', 90, contact=0.4
        )
        figure.part(
            curve([(0.0, -0.75), (-0.12, -1.2), (-0.25, -1.45), (-0.4, -1.1), (-0.35, -0.7)]),
            'ear_inner',
            90,
            contact=0.2,
        )
    return figure


def _any_head(rng: np.random.Generator, marks: Collection[str], profile: float) -> Figure:
    figure = profile_head(rng) if rng.random() < profile else head(rng, marks)
    return figure.transformed(angle=rng.uniform(-12, 10))


def _paw(figure: Figure, x: float, y: float, tone: float = 1.0) -> None:
    figure.part(ellipse(x, y, 0.44, 0.25), 'paw', 0, fur=0.5, contact=0.3, tone=tone)
    for dx in (-0.02, 0.18):
        figure.stroke([(x + dx, y), (x + dx, y + 0.2)], 'line', 0.045, 0.7)


def sitting(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a dog sitting, from the front: a deep chest on straight, strong legs."""
    figure = Figure()
    fat = rng.uniform(0.95, 1.25)
    figure.part(limb([(0.9, 3.3), (1.7, 3.1), (2.3, 2.4)], [0.26, 0.22, 0.12]), 'tail', 140, fur=1.5, contact=0.2)
    for sign in (1, -1):
        figure.part(ellipse(0.95 * fat * sign, 2.9, 0.6, 0.8, -12 * sign), 'coat', 90, contact=0.3)
        _paw(figure, 1.2 * fat * sign, 3.62)
    body = [(0, 0.4), (0.72, 0.7), (1.08 * fat, 1.4), (1.1 * fat, 2.4), (0.95 * fat, 3.3), (0, 3.5)]
    figure.part(symmetric(body), 'coat', 90, contact=0.4)
    figure.part(symmetric([(0, 0.7), (0.5, 1.0), (0.55, 1.7), (0, 2.4)]), 'chest', 90, fur=1.5, relief=0.3, contact=0.0)
    for sign in (1, -1):
        figure.part(
            limb([(0.55 * sign, 1.7), (0.58 * sign, 2.7), (0.55 * sign, 3.6)], [0.42, 0.36, 0.33]),
            'leg',
            90,
            contact=0.3,
        )
        _paw(figure, 0.58 * sign, 3.72)
    figure.add(_any_head(rng, marks, profile=0.25).transformed(scale=1.05))
    return figure


def standing(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a dog standing in profile: deep chest, tucked belly, thick neck, the tail up or down."""
    figure = Figure()
    stride = rng.uniform(-0.4, 0.4)
    leg = rng.uniform(1.5, 2.5)
    tails = [
        [(-2.3, -0.5), (-2.9, -1.0), (-3.1, -1.7), (-2.8, -2.2)],
        [(-2.3, -0.4), (-2.9, 0.0), (-3.2, 0.8), (-3.3, 1.5)],
        [(-2.2, -0.6), (-2.7, -1.3), (-2.3, -1.7), (-2.0, -1.3)],
    ]
    figure.part(limb(tails[int(rng.integers(3))], [0.3, 0.26, 0.22, 0.12]), 'tail', 60, fur=1.4, contact=0.2)
    for x, lean in ((1.2, stride), (-1.55, -stride)):
        figure.part(
            limb([(x, 0.2), (x + lean / 2, 0.6 * leg), (x + lean, leg)], [0.55, 0.34, 0.28]), 'leg', 90, tone=0.72
        )
        _paw(figure, x + lean + 0.15, leg + 0.1, tone=0.72)
    figure.part(limb([(1.3, -0.3), (1.9, -1.0), (2.2, -1.5)], [0.95, 0.75, 0.62]), 'coat', 120, contact=0.2)
    body = [
        (-2.4, -0.3),
        (-2.0, -0.85),
        (-0.6, -0.8),
        (0.8, -0.85),
        (1.8, -0.8),
        (2.25, 0.0),
        (1.7, 0.95),
        (0.6, 0.9),
        (-0.7, 0.5),
        (-1.9, 0.6),
    ]
    figure.part(curve(body), 'coat', 0, contact=0.3)
    figure.part(ellipse(1.85, 0.25, 0.42, 0.6, 15), 'chest', 90, fur=1.4, relief=0.3, contact=0.0)
    figure.part(ellipse(-1.75, 0.1, 0.75, 0.85, -10), 'coat', 70, contact=0.15)
    for x, lean, bend in ((1.45, -stride, 0.0), (-1.95, stride, -0.3)):
        spine = [
            (x, 0.2),
            (x + lean / 2 - bend / 2, 0.5 * leg),
            (x + lean + bend / 2, 0.75 * leg),
            (x + lean, leg + 0.1),
        ]
        figure.part(limb(spine, [0.6, 0.4, 0.3, 0.3]), 'leg', 90, contact=0.3)
        _paw(figure, x + lean + 0.18, leg + 0.22)
    figure.add(_any_head(rng, marks, profile=0.75).transformed(scale=1.05, offset=(2.4, -1.75)))
    return figure


def lying(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a dog lying on its belly with the front legs stretched out."""
    figure = Figure()
    figure.part(limb([(-2.3, 0.8), (-3.2, 1.0), (-4.0, 0.8)], [0.3, 0.26, 0.12]), 'tail', 10, fur=1.4, contact=0.2)
    body = [
        (-2.7, 0.5),
        (-2.3, -0.6),
        (-1.0, -0.9),
        (0.6, -0.85),
        (1.7, -0.9),
        (2.2, 0.1),
        (1.7, 1.2),
        (-0.5, 1.2),
        (-2.3, 1.25),
    ]
    figure.part(curve(body), 'coat', 0, contact=0.3)
    figure.part(limb([(1.2, -0.2), (1.7, -0.9)], [0.85, 0.7]), 'coat', 110, contact=0.1)
    figure.part(ellipse(-1.6, 0.4, 1.0, 0.8, -15), 'coat', 40, contact=0.35)
    figure.part(limb([(-1.4, 1.1), (-0.4, 1.15)], [0.34, 0.26]), 'leg', 0, contact=0.3)
    _paw(figure, -0.2, 1.2)
    reach = rng.uniform(2.9, 3.6)
    for dy, tone in ((-0.15, 0.8), (0.15, 1.0)):
        figure.part(
            limb([(1.3, 0.75 + dy), (2.1, 1.05 + dy), (reach, 1.08 + dy)], [0.5, 0.36, 0.3]),
            'leg',
            0,
            contact=0.3,
            tone=tone,
        )
        _paw(figure, reach + 0.15, 1.12 + dy, tone)
    figure.add(_any_head(rng, marks, profile=0.5).transformed(offset=(2.0, -1.0)))
    return figure


def portrait(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw head and shoulders of a dog."""
    figure = Figure(bust=True)
    figure.part(symmetric([(0, 0.3), (0.85, 0.7), (1.25, 1.4), (1.4, 2.4), (0, 2.7)]), 'coat', 90, contact=0.3)
    figure.part(symmetric([(0, 0.8), (0.55, 1.1), (0.6, 1.8), (0, 2.5)]), 'chest', 90, fur=1.4, relief=0.3, contact=0.0)
    figure.add(_any_head(rng, marks, profile=0.2))
    return figure


POSES: dict[str, Callable[[np.random.Generator, Collection[str]], Figure]] = {
    'sitting': sitting,
    'standing': standing,
    'lying': lying,
    'portrait': portrait,
}
