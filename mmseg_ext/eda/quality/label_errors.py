"""What is probably wrong with a mask: an object's missing part, an extra area, the wrong class, or the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.quality.label_quality import OPENING, SURE, Evidence, contradiction, opened

KINDS = ('missing part', 'extra area', 'wrong class', 'border', 'none')
LEAST_BORDER = 0.03  # share of the object's area


@dataclass(frozen=True)
class LabelErrors:
    """Where sure models contradict a label, in pixels.

    Attributes:
        missing: Object that the label lacks.
        extra: Background that the label calls object.
        wrong_class: Object under another class.
        border: Contradiction too thin to be any of them.
        kind: The largest of the four, ``none`` where there is nothing; a border counts from 3 % of the object's area.
    """

    missing: int
    extra: int
    wrong_class: int
    border: int
    kind: str


def label_errors(e: Evidence, sure: float = SURE, opening: int = OPENING) -> LabelErrors:
    """Measure the contradiction between a label and sure models, by kind.

    Args:
        e: Label and probabilities.
        sure: The chance from which the models count as sure.
        opening: What a contradiction must hold, a disc of that diameter in pixels; thinner ones are border.
    """
    contradicted = contradiction(e, sure)
    wrong = opened(contradicted, opening)
    flipped = opened(_flipped(e, sure), opening)
    areas = {
        'missing part': int((wrong & ~e.label).sum()),
        'extra area': int((wrong & e.label).sum()),
        'wrong class': int(flipped.sum()),
    }
    border = int((contradicted & ~wrong).sum())
    kind = max(areas, key=lambda name: areas[name])
    if not areas[kind]:
        area = int((e.label | e.model).sum())
        kind = 'border' if area and border >= LEAST_BORDER * area else 'none'
    return LabelErrors(areas['missing part'], areas['extra area'], areas['wrong class'], border, kind)


def _flipped(e: Evidence, sure: float) -> np.ndarray:
    """Labelled objects of which the models are sure that they are objects, and of another class."""
    result: np.ndarray = e.label & (e.object > sure) & (e.given < (1 - sure) * e.object)
    return result


def suggestion(e: Evidence, background: float = 0.5) -> Mask:
    """The models' own mask.

    Ignored pixels stay ignored. A region of the label whose outline the models confirm keeps its class: they are worse
    at telling similar classes apart than the person who drew it.

    Args:
        e: Label and probabilities.
        background: A pixel is an object where the chance of any object exceeds this.

    Returns:
        Shape (H, W), uint8.
    """
    likeliest = (e.probabilities[1:].argmax(0) + 1).astype(np.uint8)
    model = np.where(e.object > background, likeliest, np.uint8(0))
    model = np.where((model > 0) & e.label, e.mask, model)
    return np.where(e.valid, model, e.mask).astype(np.uint8)
