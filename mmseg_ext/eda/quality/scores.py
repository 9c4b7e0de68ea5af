"""Label-quality scores: 0–1, and 1 means that label and models agree. Ignored pixels take no part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.quality.components import (
    MIN_SEEN_SHARE,
    edge_gain,
    error_probability,
    find_components,
)
from mmseg_ext.eda.quality.edges import Binary, near, outline
from mmseg_ext.eda.quality.evidence import (
    CONFIDENCE_THRESHOLD,
    OPENING_DIAMETER_PX,
    Evidence,
    contradiction,
    opened,
)
from mmseg_ext.eda.regions import find_regions, regions_on

UNMATCHED_WEIGHT = 0.5  # of an object that only the label or only the models have
MIN_CLASS_AREA_PX = 30  # of a region whose class is judged


def softmin(evidence: Evidence, temperature: float = 0.1) -> float:
    """Average the probability of the label's class, weighted towards its lowest values.

    V. Lad and J. Mueller, Estimating label quality and errors in semantic segmentation data via any model, 2023
    (arXiv 2307.05080).
    """
    if not evidence.valid.any():
        return 1.0
    probability = evidence.label_probability[evidence.valid].astype(np.float64)
    weights = np.exp((probability.min() - probability) / temperature)
    return float((probability * weights).sum() / weights.sum())


def hard_iou(evidence: Evidence) -> float:
    """Compute the IoU of "any object" between label and most probable class; 1 where both are empty."""
    most_probable = evidence.probabilities.argmax(0)
    predicted = (most_probable == evidence.mask if evidence.background is None else most_probable > 0) & evidence.valid
    return _ratio((evidence.labelled & predicted).sum(), (evidence.labelled | predicted).sum())


def soft_iou(evidence: Evidence) -> float:
    """Compute Σ min / Σ max of label and object probability (the Jaccard index of fuzzy sets)."""
    labelled, probability = evidence.labelled, evidence.object_probability
    return _ratio(probability[labelled].sum(), labelled.sum() + probability[~labelled].sum())


def confident_agreement(
    evidence: Evidence, confidence: float = CONFIDENCE_THRESHOLD, opening: int = OPENING_DIAMETER_PX
) -> float:
    """Compute one minus the share of the object's area on which confident models contradict the label.

    Contradictions along a border do not count. The object's area is that of label and models together.

    Args:
        evidence: Label and probabilities.
        confidence: Probability above which the models count as confident.
        opening: Diameter in pixels of the disc that a contradiction must hold.
    """
    wrong = opened(contradiction(evidence, confidence), opening)
    return 1 - _ratio(wrong.sum(), (evidence.labelled | evidence.predicted).sum(), empty=0.0)


def corroborated_agreement(
    evidence: Evidence,
    confidence: float = CONFIDENCE_THRESHOLD,
    opening: int = OPENING_DIAMETER_PX,
    unmatched_weight: float = UNMATCHED_WEIGHT,
) -> float:
    """Compute `confident_agreement` with less weight on contradictions that have no counterpart.

    Models of small data take horses for dogs and overlook a white dog on white background; both look like a wrong mask.
    But a mask on the wrong thing, or an abandoned one, comes with an object that only the models see *and* one that
    only the label has. So contradiction counts in full at an object that both see (the models at least a fifth of it).
    What only one side sees is compared with what only the other side sees: as much as has a counterpart counts in full,
    and the rest by ``unmatched_weight``.

    Args:
        evidence: Label and probabilities.
        confidence: As in `confident_agreement`.
        opening: As in `confident_agreement`.
        unmatched_weight: Weight of what has no counterpart, 0–1.
    """
    wrong = opened(contradiction(evidence, confidence), opening)
    return _corroborated(evidence, wrong.astype(np.float32), unmatched_weight)


def supported_agreement(
    evidence: Evidence,
    confidence: float = CONFIDENCE_THRESHOLD,
    opening: int = OPENING_DIAMETER_PX,
    unmatched_weight: float = UNMATCHED_WEIGHT,
) -> float:
    """Compute `corroborated_agreement` with less weight on contradictions where the image supports the label.

    Each contradicted region has a rim that is partly the label's outline and partly the models'. If the label is right,
    its part lies on edges of the image, and the models' part crosses the animal; if the models are right, it is the
    other way round. So the region counts by one minus the mean, over both parts, of the edge support of the label's and
    minus that of the models' outline, in units of `TYPICAL_EDGE_SUPPORT`, limited to 0–1. Where the label has no
    outline (an object that only the models see), the image gives no evidence, and the region counts in full.

    Args:
        evidence: Label and probabilities, with the edges of the image.
        confidence: As in `confident_agreement`.
        opening: As in `confident_agreement`.
        unmatched_weight: As in `corroborated_agreement`.

    Raises:
        ValueError: The evidence has no edges.
    """
    if evidence.edges is None:
        raise ValueError('supported_agreement needs the image: make_evidence(..., image=...)')
    wrong = opened(contradiction(evidence, confidence), opening)
    return _corroborated(evidence, _unsupported(evidence, evidence.edges, wrong), unmatched_weight)


def _unsupported(evidence: Evidence, edges: NDArray[np.float32], wrong: Binary) -> NDArray[np.float32]:
    """Weight each contradicted pixel, 0–1, by how little the image supports the label there."""
    outlines = outline(evidence.labelled), outline(evidence.predicted)
    unknown = near(~evidence.valid)
    differing = tuple(own & ~near(other) & ~unknown for own, other in (outlines, outlines[::-1]))
    weight = np.zeros(wrong.shape, np.float32)
    for side in (wrong & evidence.labelled, wrong & ~evidence.labelled):
        regions = find_regions(side)
        for number in range(1, len(regions) + 1):
            region = regions.labels == number
            gain, _ = edge_gain(edges, differing, near(region))
            weight[region] = 1 - max(gain, 0.0)
    return weight


def _corroborated(evidence: Evidence, weight: NDArray[np.float32], unmatched_weight: float) -> float:
    """Compute one minus the weighted share of contradiction; ``weight`` is 0 where nothing is contradicted."""
    labelled, predicted = evidence.labelled, evidence.predicted
    seen = regions_on(labelled, predicted, MIN_SEEN_SHARE)
    only_label = float(weight[labelled & ~seen].sum())
    only_models = float(weight[~labelled & ~regions_on(predicted, seen)].sum())
    unmatched = abs(only_label - only_models)
    counted = float(weight.sum()) - (1 - unmatched_weight) * unmatched
    return 1 - _ratio(counted, (labelled | predicted).sum(), empty=0.0)


def expected_iou(evidence: Evidence) -> float:
    """Estimate the IoU of the label's objects with those of a right mask.

    Each component of the disagreement is an error of the label with a probability that several cues determine together
    (`error_probability`), so that no single one excuses or condemns a label. Where label and models agree, both are
    taken to be right. With the expected area E of errors where only the label, and where only the models see an object,
    the score is (label − E_label) / (label + E_models), and 1 where both see none.

    Args:
        evidence: Label and probabilities, with the edges of the image.

    Raises:
        ValueError: The evidence has no edges.
    """
    extra = missing = 0.0
    for component in find_components(evidence):
        wrong = error_probability(component) * float(component.region.sum())
        extra, missing = extra + wrong * component.extra, missing + wrong * (not component.extra)
    area = float(evidence.labelled.sum())
    return _ratio(area - extra, area + missing)


def class_agreement(evidence: Evidence, min_area: int = MIN_CLASS_AREA_PX) -> float:
    """Compute the lowest mean probability of its own class among the labelled objects, given that it is an object.

    A region whose class is less probable than another is suspected of the wrong class. This is kept apart from the
    other scores, since telling similar classes apart is what the models themselves are weakest at.

    Args:
        evidence: Label and probabilities.
        min_area: Pixels of the smallest region that is judged.
    """
    lowest = 1.0
    for value in np.unique(evidence.mask[evidence.labelled]):
        regions = find_regions(evidence.mask == value)
        for number, area in enumerate(regions.areas, 1):
            inside = (regions.labels == number) & (evidence.predicted | (evidence.background is None))
            if area < min_area or inside.sum() < area / 2:
                continue
            share = evidence.probabilities[value][inside]
            if evidence.background is not None:
                share = share / evidence.object_probability[inside]
            lowest = min(lowest, float(share.mean()))
    return lowest


SCORES: dict[str, Callable[[Evidence], float]] = {
    'softmin': softmin,
    'hard_iou': hard_iou,
    'soft_iou': soft_iou,
    'confident_agreement': confident_agreement,
    'corroborated_agreement': corroborated_agreement,
    'supported_agreement': supported_agreement,
    'expected_iou': expected_iou,
    'class_agreement': class_agreement,
}


def _ratio(part: float, whole: float, empty: float = 1.0) -> float:
    return float(part / whole) if whole else empty
