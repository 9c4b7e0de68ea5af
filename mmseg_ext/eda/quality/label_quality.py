"""How likely a mask is wrong, judged by the probabilities of models that have not seen it.

Legend: H, W height and width · K classes, 0 is the background · ``mask`` (H, W) uint8, the given label ·
``probabilities`` (K, H, W), 0–1, summing to 1 over K. Every score lies in 0–1, and 1 means that label and model agree.
Ignored pixels take no part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.quality.edge_support import edge_support, near, outline
from mmseg_ext.eda.regions import find_regions

Probabilities = NDArray[np.floating]
Binary = NDArray[np.bool_]

SURE = 0.7  # the chance from which the model counts as sure
LONE = 0.5  # the weight of an object that only the mask or only the models have
TYPICAL = 0.7  # the edge support of outlines on which masks and models agree: measured on the real pets, 0.69–0.70
LEAST_OUTLINE = 6  # pixels of outline below which the photograph is not asked
OPENING = 7  # diameter in pixels of what a disagreement must hold, so that a blurred border does not count


@dataclass(frozen=True)
class Evidence:
    """A label and what the models say, in the forms that the scores use.

    Attributes:
        mask: The label, shape (H, W).
        probabilities: Shape (K, H, W), float32.
        valid: Shape (H, W), bool: not ignored.
        label: Shape (H, W), bool: the label says object.
        object: Shape (H, W), float32: chance of any object.
        given: Shape (H, W), float32: chance of the class that the label gives; that of class 0 where it is ignored.
        edges: Shape (H, W), float32, -1–1: `edge_support` of the photograph; None where it is not at hand.
    """

    mask: Mask
    probabilities: NDArray[np.float32]
    valid: Binary
    label: Binary
    object: NDArray[np.float32]
    given: NDArray[np.float32]
    edges: NDArray[np.float32] | None = None

    @property
    def model(self) -> Binary:
        """Shape (H, W): the models say object, of whatever class."""
        return self.object > 0.5


def evidence(
    mask: Mask, probabilities: Probabilities, ignore_index: int = 255, image: NDArray[np.uint8] | None = None
) -> Evidence:
    """Bring a label, probabilities and the photograph (H, W, 3) together.

    Raises:
        ValueError: Their sizes differ, or the label names a class without probability.
    """
    if image is not None and image.shape[:2] != mask.shape:
        raise ValueError(f'mask is {mask.shape}, image is {image.shape}; expected (H, W, 3)')
    if probabilities.ndim != 3 or probabilities.shape[1:] != mask.shape:
        raise ValueError(f'mask is {mask.shape}, probabilities are {probabilities.shape}; expected (K, H, W)')
    valid = mask != ignore_index
    if valid.any() and int(mask[valid].max()) >= len(probabilities):
        raise ValueError(f'mask holds class {mask[valid].max()}, but there are {len(probabilities)} probabilities')
    chances = np.asarray(probabilities, np.float32)
    given = np.take_along_axis(chances, np.where(valid, mask, 0)[None].astype(np.intp), 0)[0]
    edges = None if image is None else edge_support(image)
    return Evidence(mask, chances, valid, (mask > 0) & valid, np.where(valid, 1 - chances[0], 0), given, edges)


def softmin(e: Evidence, temperature: float = 0.1) -> float:
    """The mean chance of the given class, weighted towards its lowest values (Lad & Mueller 2023, arXiv 2307.05080)."""
    if not e.valid.any():
        return 1.0
    given = e.given[e.valid].astype(np.float64)
    weights = np.exp((given.min() - given) / temperature)
    return float((given * weights).sum() / weights.sum())


def hard_iou(e: Evidence) -> float:
    """IoU of "any object" between label and likeliest class; 1 where both are empty."""
    model = (e.probabilities.argmax(0) > 0) & e.valid
    return _ratio((e.label & model).sum(), (e.label | model).sum())


def soft_iou(e: Evidence) -> float:
    """Σ min / Σ max of label and chance of any object (the Jaccard index of fuzzy sets)."""
    return _ratio(e.object[e.label].sum(), e.label.sum() + e.object[~e.label].sum())


def confident_agreement(e: Evidence, sure: float = SURE, opening: int = OPENING) -> float:
    """One minus the share of the object's area on which a sure model contradicts the label over more than a border.

    The object's area is that of label and model together.
    """
    wrong = opened(contradiction(e, sure), opening)
    return 1 - _ratio(wrong.sum(), (e.label | e.model).sum(), empty=0.0)


def corroborated_agreement(e: Evidence, sure: float = SURE, opening: int = OPENING, lone: float = LONE) -> float:
    """`confident_agreement` in which a contradiction that stands alone counts less.

    Models of small data take horses for dogs and overlook a white dog on white ground; both look like a wrong mask. But
    a mask on the wrong thing, or an abandoned one, comes with an object that only the models see *and* one that only
    the mask sees. So contradiction counts in full at an object that both see (the models at least a fifth of it). What
    only one side sees is set off against what only the other sees: as much as has a counterpart counts in full, and
    the rest by ``lone``.

    Args:
        e: Label and probabilities.
        sure: As in `confident_agreement`.
        opening: As in `confident_agreement`.
        lone: Weight of what has no counterpart, 0–1.
    """
    wrong = opened(contradiction(e, sure), opening)
    return _corroborated(e, wrong.astype(np.float32), lone)


def supported_agreement(e: Evidence, sure: float = SURE, opening: int = OPENING, lone: float = LONE) -> float:
    """`corroborated_agreement` in which a contradiction counts less, the better the photograph supports the mask.

    Each contradicted region has a rim that is partly the mask's outline and partly the models'. If the mask is right,
    its part lies on edges of the photograph, and the models' part crosses the animal; if the models are right, it is
    the other way round. So the region counts by one minus the mean, over both parts, of the edge support of the mask's
    and minus that of the models' outline, in units of what true outlines have (`TYPICAL`), and at least 0, at most 1.
    Where the mask has no outline (an object that only the models see), the photograph says nothing, and it counts in
    full.

    Args:
        e: Label and probabilities, with the edges of the photograph.
        sure: As in `confident_agreement`.
        opening: As in `confident_agreement`.
        lone: As in `corroborated_agreement`.

    Raises:
        ValueError: The evidence is without photograph.
    """
    if e.edges is None:
        raise ValueError('supported_agreement needs the photograph: evidence(..., image=...)')
    wrong = opened(contradiction(e, sure), opening)
    return _corroborated(e, _unsupported(e, e.edges, wrong), lone)


def _unsupported(e: Evidence, edges: NDArray[np.float32], wrong: Binary) -> NDArray[np.float32]:
    """How much each contradicted pixel counts, 0–1, as the photograph sees it."""
    outlines = outline(e.label), outline(e.model)
    unknown = near(~e.valid)
    mine, theirs = (own & ~near(other) & ~unknown for own, other in (outlines, outlines[::-1]))
    weight = np.zeros(wrong.shape, np.float32)
    for side in (wrong & e.label, wrong & ~e.label):
        regions = find_regions(side)
        for number in range(1, len(regions) + 1):
            region = regions.labels == number
            rim = near(region)
            for_mask, for_models = edges[mine & rim], edges[theirs & rim]
            gain = 0.0
            if len(for_mask) >= LEAST_OUTLINE:
                gain = float(for_mask.sum() - for_models.sum()) / (len(for_mask) + len(for_models)) / TYPICAL
            weight[region] = 1 - min(max(gain, 0.0), 1.0)
    return weight


def _corroborated(e: Evidence, weight: NDArray[np.float32], lone: float) -> float:
    """One minus the share of the object's area that is contradicted, by weight; ``weight`` is 0 where nothing is."""
    seen = _regions_on(e.label, e.model, share=0.2)
    only_mask = float(weight[e.label & ~seen].sum())
    only_models = float(weight[~e.label & ~_regions_on(e.model, seen)].sum())
    alone = abs(only_mask - only_models)
    return 1 - _ratio(float(weight.sum()) - (1 - lone) * alone, (e.label | e.model).sum(), empty=0.0)


def _regions_on(objects: Binary, ground: Binary, share: float = 0.0) -> Binary:
    """The regions of a map that lie on another map, with more than a share of their area."""
    regions = find_regions(objects)
    covered = np.bincount(regions.labels[ground], minlength=len(regions) + 1)[1:]
    return np.isin(regions.labels, np.flatnonzero(covered > share * regions.areas) + 1)


def contradiction(e: Evidence, sure: float = SURE) -> Binary:
    """Where the model is sure of an object that the label lacks, or of background that the label calls object."""
    return e.valid & np.where(e.label, e.object < 1 - sure, e.object > sure)


def opened(binary: Binary, diameter: int) -> Binary:
    """What of a map a disc of that diameter in pixels covers without leaving it (morphological opening)."""
    if diameter <= 1:
        return binary
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return cv2.morphologyEx(binary.astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)


def class_agreement(e: Evidence, least_area: int = 30) -> float:
    """The lowest mean chance of its own class among the labelled objects, given that there is an object.

    A region whose class the model calls less likely than another's is suspected of the wrong class. It is kept apart
    from the other scores: telling similar classes apart is what the models themselves are weakest at.
    """
    lowest = 1.0
    for value in np.unique(e.mask[e.label]):
        regions = find_regions(e.mask == value)
        for number, area in enumerate(regions.areas, 1):
            inside = (regions.labels == number) & e.model
            if area < least_area or inside.sum() < area / 2:
                continue
            share = e.probabilities[value][inside] / e.object[inside]
            lowest = min(lowest, float(share.mean()))
    return lowest


SCORES: dict[str, Callable[[Evidence], float]] = {
    'softmin': softmin,
    'hard_iou': hard_iou,
    'soft_iou': soft_iou,
    'confident_agreement': confident_agreement,
    'corroborated_agreement': corroborated_agreement,
    'supported_agreement': supported_agreement,
    'class_agreement': class_agreement,
}


def _ratio(part: float, whole: float, empty: float = 1.0) -> float:
    return float(part / whole) if whole else empty
