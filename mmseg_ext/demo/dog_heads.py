"""Dogs' heads, seen from the front and from the side. The unit is the radius of the skull."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from mmseg_ext.demo.figure import Figure
from mmseg_ext.demo.shapes import LEFT, RIGHT, curve, ellipse, limb, symmetric

SKULL = [(0, -0.9), (0.48, -0.84), (0.8, -0.42), (0.84, 0.1), (0.68, 0.5), (0.5, 0.95), (0, 1.12)]


def head(rng: np.random.Generator, marks: Collection[str]) -> Figure:
    """A face seen from the front: a heavy muzzle with a large nose, round dark eyes, hanging or tall ears."""
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
    """A head seen from the side: a long snout ending in the nose."""
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
