"""Kinds of label error: a missing part, an extra area, the wrong class, or the border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmseg_ext.eda.quality.edges import Binary
from mmseg_ext.eda.quality.evidence import (
    CONFIDENCE_THRESHOLD,
    OPENING_DIAMETER_PX,
    Evidence,
    contradiction,
    opened,
)

KINDS = ('missing part', 'extra area', 'wrong class', 'border', 'none')
MIN_BORDER_SHARE = 0.03  # of the object's area


@dataclass(frozen=True)
class LabelErrors:
    """Areas in pixels on which confident models contradict a label, by kind.

    Attributes:
        missing: Object that the label lacks.
        extra: Background that the label calls object.
        wrong_class: Object under another class.
        border: Contradiction too thin to be any of them.
        kind: The largest of the first three; without them ``border``, from 3 % of the object's area on, or ``none``.
    """

    missing: int
    extra: int
    wrong_class: int
    border: int
    kind: str


def label_errors(
    evidence: Evidence, confidence: float = CONFIDENCE_THRESHOLD, opening: int = OPENING_DIAMETER_PX
) -> LabelErrors:
    """Measure the contradiction between a label and confident models, by kind.

    Args:
        evidence: Label and probabilities.
        confidence: Probability above which the models count as confident.
        opening: Diameter in pixels of the disc that a contradiction must hold; thinner ones are border.
    """
    contradicted = contradiction(evidence, confidence)
    thick = wrong = opened(contradicted, opening)
    if evidence.background is None:
        wrong_class, wrong = wrong, np.zeros_like(wrong)
    else:
        wrong_class = opened(_in_wrong_class(evidence, confidence), opening)
    areas = {
        'missing part': int((wrong & ~evidence.labelled).sum()),
        'extra area': int((wrong & evidence.labelled).sum()),
        'wrong class': int(wrong_class.sum()),
    }
    border = int((contradicted & ~thick).sum())
    kind = max(areas, key=lambda name: areas[name])
    if not areas[kind]:
        area = int((evidence.labelled | evidence.predicted).sum())
        kind = 'border' if area and border >= MIN_BORDER_SHARE * area else 'none'
    return LabelErrors(areas['missing part'], areas['extra area'], areas['wrong class'], border, kind)


def _in_wrong_class(evidence: Evidence, confidence: float) -> Binary:
    """Return the labelled pixels that confident models call an object of another class."""
    result: np.ndarray = (
        evidence.labelled
        & (evidence.object_probability > confidence)
        & (evidence.label_probability < (1 - confidence) * evidence.object_probability)
    )
    return result
