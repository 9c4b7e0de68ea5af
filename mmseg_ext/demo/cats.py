"""Cats as figures. The unit is the radius of the head; every pose looks to the right or at the viewer."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from mmseg_ext.demo.figure import LEFT, RIGHT, Figure, curve, ellipse, limb, pointed, symmetric

SKULL = [(0, -0.86), (0.5, -0.8), (0.92, -0.38), (1.06, 0.1), (0.96, 0.46), (0.6, 0.78), (0, 0.9)]


def draw_cat(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a cat in a random pose.

    Args:
        rng: Random generator.
        marks: Roles of its coat; a face mark is drawn only if it is among them.
    """
    poses = list(POSES)
    return POSES[poses[int(rng.choice(len(poses), p=[0.26, 0.26, 0.16, 0.14, 0.18]))]](rng, marks)


def head(rng: np.random.Generator, marks: Collection[str], asleep: bool = False) -> Figure:
    """Draw a face from the front: pointed ears, slit pupils (or closed eyes), a small nose and whiskers."""
    figure = Figure()
    tall = rng.uniform(0.95, 1.2)
    for side in (RIGHT, LEFT):
        outer = np.array([(0.2, -0.74), (0.48, -1.12 * tall), (0.84, -1.5 * tall), (0.98, -0.95), (0.98, -0.2)])
        inner = np.array([(0.42, -0.78), (0.58, -1.08 * tall), (0.8, -1.32 * tall), (0.86, -0.9), (0.84, -0.45)])
        figure.part(pointed(outer, 2) * side, 'ear', 75, relief=0.4, contact=0.2, fur=0.6)
        figure.part(pointed(inner, 2) * side, 'ear_inner', 75, relief=0.3, contact=0.3, fur=0.5)
    figure.part(symmetric(SKULL), 'coat', 90, contact=0.35)
    _face_marks(figure, marks)
    for sign in (1, -1):
        figure.part(ellipse(0.22 * sign, 0.46, 0.29, 0.23), 'muzzle', 90, fur=0.5, relief=0.5, contact=0.12)
    figure.part(ellipse(0, 0.7, 0.2, 0.13), 'muzzle', 90, fur=0.4, relief=0.4, contact=0.2)
    if asleep:
        for side in (RIGHT, LEFT):
            figure.stroke(
                curve(np.array([(0.22, -0.1), (0.44, 0.04), (0.66, -0.12)]) * side, closed=False), 'line', 0.07
            )
    else:
        _eyes(figure, rng)
    figure.detail(pointed(np.array([(-0.15, 0.2), (0.15, 0.2), (0, 0.38)]), 2), 'nose', relief=0.3)
    figure.stroke([(0, 0.36), (0, 0.5)], 'line', 0.05)
    for side in (RIGHT, LEFT):
        figure.stroke(curve(np.array([(0, 0.5), (0.1, 0.58), (0.26, 0.55)]) * side, closed=False), 'line', 0.05)
        for row in range(3):
            start, lift = (0.32, 0.42 + 0.09 * row), -0.22 + 0.2 * row + rng.uniform(-0.05, 0.05)
            whisker = np.array([start, (0.95, 0.34 + 0.13 * row + 0.3 * lift), (1.6, 0.4 + 0.1 * row + lift)])
            figure.stroke(curve(whisker * side, closed=False), 'whisker', 0.025, opacity=0.75, free=True)
    return figure


def _eyes(figure: Figure, rng: np.random.Generator) -> None:
    wide = rng.uniform(0.06, 0.13)
    gaze = rng.uniform(-0.04, 0.04)
    for sign in (1, -1):
        x, y, tilt = 0.44 * sign, -0.1, -14 * sign
        figure.detail(ellipse(x, y, 0.3, 0.235, tilt), 'rim')
        figure.detail(ellipse(x, y, 0.25, 0.195, tilt), 'iris', relief=0.6)
        figure.detail(ellipse(x + gaze, y, wide, 0.19), 'pupil')
        figure.detail(ellipse(x + gaze + 0.08, y - 0.08, 0.055, 0.055), 'glint')


def _face_marks(figure: Figure, marks: Collection[str]) -> None:
    if 'mask' in marks:
        figure.part(ellipse(0, 0.25, 0.62, 0.56), 'mask', 90, relief=0.2, contact=0.0, fur=1.6)
    if 'blaze' in marks:
        figure.part(
            symmetric([(0, -0.4), (0.1, -0.1), (0.22, 0.3), (0, 0.5)]), 'blaze', 90, relief=0.2, contact=0.0, fur=0.6
        )
    if 'mark' not in marks:
        return
    for x, lean in ((0.0, 0.0), (0.22, 0.05), (0.44, 0.14)):
        for side in (RIGHT, LEFT) if x else (RIGHT,):
            figure.stroke(np.array([(x, -0.42), (x + lean / 2, -0.64), (x + lean, -0.8)]) * side, 'mark', 0.1, 0.75)
    for side in (RIGHT, LEFT):
        for y in (0.12, 0.34):
            figure.stroke(np.array([(0.74, y), (0.88, y + 0.02), (1.04, y + 0.1)]) * side, 'mark', 0.08, 0.7)


def _paw(figure: Figure, x: float, y: float, size: float = 1.0, tone: float = 1.0) -> None:
    figure.part(ellipse(x, y, 0.36 * size, 0.22 * size), 'paw', 0, fur=0.5, contact=0.3, tone=tone)
    for dx in (-0.1, 0.1):
        figure.stroke([(x + dx * size, y + 0.02 * size), (x + dx * size, y + 0.18 * size)], 'line', 0.035, 0.6)


def sitting(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a cat sitting upright, from the front, the tail round to one side."""
    figure = Figure()
    fat = rng.uniform(0.92, 1.2)
    curl = rng.uniform(-0.6, 0.3)
    tail = [(0.9 * fat, 3.2), (1.7, 3.35), (2.15, 2.9 + curl), (2.0, 2.3 + curl), (2.2, 1.9 + curl)]
    figure.part(limb(tail, [0.22, 0.22, 0.2, 0.17, 0.12]), 'tail', 0, contact=0.2)
    for sign in (1, -1):
        figure.part(ellipse(0.85 * fat * sign, 2.85, 0.62, 0.78, -10 * sign), 'coat', 90, contact=0.3)
        _paw(figure, 1.0 * fat * sign, 3.5)
    body = [(0, 0.3), (0.55, 0.55), (0.8 * fat, 1.3), (1.0 * fat, 2.4), (0.9 * fat, 3.2), (0, 3.45)]
    figure.part(symmetric(body), 'coat', 90, contact=0.4)
    figure.part(
        symmetric([(0, 0.6), (0.42, 0.9), (0.5, 1.5), (0.3, 2.1), (0, 2.3)]),
        'chest',
        90,
        fur=1.5,
        relief=0.3,
        contact=0.0,
    )
    for sign in (1, -1):
        figure.part(
            limb([(0.4 * sign, 1.7), (0.42 * sign, 2.6), (0.4 * sign, 3.45)], [0.32, 0.29, 0.27]),
            'leg',
            90,
            contact=0.3,
        )
        _paw(figure, 0.42 * sign, 3.55)
    figure.add(head(rng, marks).transformed(angle=rng.uniform(-12, 12)))
    return figure


def standing(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a cat standing or walking in profile, the head turned to the viewer, the tail raised."""
    figure = Figure()
    stride = rng.uniform(-0.45, 0.45)
    up = rng.uniform(0.4, 1.3)
    tail = [(-2.3, -0.3), (-3.1, -0.5 * up), (-3.4, -1.3 * up), (-3.2, -2.0 * up), (-3.5, -2.6 * up)]
    figure.part(limb(tail, [0.24, 0.22, 0.2, 0.19, 0.13]), 'tail', 60, contact=0.2)
    for x, lean in ((1.25, stride), (-1.65, -stride)):
        figure.part(limb([(x, 0.3), (x + lean / 2, 1.3), (x + lean, 2.1)], [0.42, 0.26, 0.22]), 'leg', 90, tone=0.72)
        _paw(figure, x + lean + 0.12, 2.2, tone=0.72)
    body = [
        (-2.45, -0.3),
        (-1.9, -0.8),
        (-0.6, -0.75),
        (0.8, -0.72),
        (1.75, -0.85),
        (2.2, -0.2),
        (1.7, 0.6),
        (0.3, 0.68),
        (-1.2, 0.55),
        (-2.2, 0.75),
    ]
    figure.part(curve(body), 'coat', 0, contact=0.4)
    figure.part(ellipse(-1.85, 0.2, 0.72, 0.85), 'coat', 60, contact=0.15)
    for x, lean in ((1.55, -stride), (-2.05, stride)):
        knee = lean / 2 + (0.15 if x < 0 else -0.05)
        figure.part(limb([(x, 0.3), (x + knee, 1.3), (x + lean, 2.2)], [0.48, 0.28, 0.24]), 'leg', 90, contact=0.3)
        _paw(figure, x + lean + 0.14, 2.32)
    figure.add(head(rng, marks).transformed(angle=rng.uniform(-10, 14), offset=(2.25, -1.15)))
    return figure


def lying(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a cat lying on its belly, front paws out, the tail along the floor."""
    figure = Figure()
    figure.part(
        limb([(-2.2, 0.9), (-3.1, 1.15), (-3.7, 0.9), (-4.1, 1.0)], [0.24, 0.22, 0.2, 0.13]), 'tail', 0, contact=0.2
    )
    body = [
        (-2.6, 0.6),
        (-2.3, -0.5),
        (-1.0, -0.95),
        (0.5, -0.8),
        (1.6, -0.6),
        (2.0, 0.4),
        (1.5, 1.15),
        (-0.5, 1.2),
        (-2.2, 1.2),
    ]
    figure.part(curve(body), 'coat', 0, contact=0.3)
    figure.part(ellipse(-1.55, 0.45, 0.95, 0.75, -15), 'coat', 40, contact=0.35)
    _paw(figure, -0.8, 1.12, 1.2)
    reach = rng.uniform(2.2, 3.0)
    for dy, tone in ((-0.12, 0.8), (0.12, 1.0)):
        figure.part(
            limb([(1.1, 0.8 + dy), (1.9, 1.0 + dy), (reach, 1.02 + dy)], [0.4, 0.27, 0.24]),
            'leg',
            0,
            contact=0.3,
            tone=tone,
        )
        _paw(figure, reach + 0.15, 1.04 + dy, tone=tone)
    figure.add(head(rng, marks).transformed(angle=rng.uniform(-12, 12), offset=(1.75, -0.75)))
    return figure


def curled(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw a cat curled up asleep, head and tail inside the ring of its back."""
    figure = Figure()
    figure.part(
        curve(
            [(-2.1, 0.2), (-1.7, -1.0), (-0.3, -1.55), (1.2, -1.3), (2.1, -0.2), (1.8, 1.0), (0.3, 1.45), (-1.4, 1.2)]
        ),
        'coat',
        0,
    )
    figure.part(ellipse(-1.0, 0.25, 0.95, 0.85, 20), 'coat', 50, contact=0.35)
    figure.part(ellipse(0.1, 0.95, 0.5, 0.28), 'paw', 0, fur=0.6, contact=0.3)
    face = head(rng, marks, asleep=bool(rng.random() < 0.75))
    figure.add(face.transformed(scale=0.92, angle=rng.uniform(8, 35), offset=(1.15, 0.35)))
    tail = [(-1.85, 0.6), (-1.3, 1.35), (-0.2, 1.6), (0.7, 1.5)]
    figure.part(limb(tail, [0.28, 0.3, 0.26, 0.17]), 'tail', 10, contact=0.35)
    return figure


def portrait(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """Draw head and shoulders of a cat."""
    figure = Figure(bust=True)
    figure.part(symmetric([(0, 0.2), (0.75, 0.55), (1.15, 1.2), (1.3, 2.2), (0, 2.5)]), 'coat', 90, contact=0.3)
    figure.part(symmetric([(0, 0.6), (0.5, 0.9), (0.55, 1.6), (0, 2.3)]), 'chest', 90, fur=1.4, relief=0.3, contact=0.0)
    figure.add(head(rng, marks).transformed(angle=rng.uniform(-15, 15)))
    return figure


POSES: dict[str, Callable[[np.random.Generator, Collection[str]], Figure]] = {
    'sitting': sitting,
    'standing': standing,
    'lying': lying,
    'curled': curled,
    'portrait': portrait,
}
