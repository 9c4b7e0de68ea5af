"""Components of the disagreement between a label and models, and the cues that tell who is right there.

After M. Rottmann and M. Reese, Automated detection of label errors in semantic segmentation datasets via deep learning
and uncertainty quantification, 2022 (arXiv 2207.06104): whether a connected component is an error of the label or of
the models is judged by a classifier of a few cues such as its size, its shape and the models' certainty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.quality.edges import Binary, near, outline
from mmseg_ext.eda.quality.evidence import Evidence, opened
from mmseg_ext.eda.regions import find_regions, regions_on

MARGIN_PX = 8  # around what label and models call object
THICK_DIAMETER_PX = 5  # of the disc that a component must hold; what is thinner is border
TYPICAL_EDGE_SUPPORT = 0.7  # of outlines on which labels and models agree: measured on the real pets, 0.69–0.70
MIN_OUTLINE_PX = 6  # length of outline below which the image is not consulted
MAX_BORDER_SHARE = 0.5  # of the image's border that objects may reach as parts of a scene that goes on beyond it
MIN_SEEN_SHARE = 0.2  # of a labelled object, from which on the models have seen it

CUES = (
    'size',  # logarithm of its share of the area of label and models together
    'certainty',  # mean of |2 p - 1|, where p is the probability of an object
    'depth',  # greatest distance to its border, in units of the root of that area
    'unmatched',  # share of it in objects without a counterpart on the other side
    'attached',  # share of its surroundings on which label and models agree that there is an object
    'counterpart',  # what the other side has without a counterpart, in units of its area, at most 1
    'thin',  # 1 for the border of one side
    'support',  # edge support of the label's outline minus that of the models', at most 1 and at least -1
    'outlined',  # 1 where there is enough of the label's outline for that
    'rest',  # IoU of label and models elsewhere
    'doubt',  # mean of 4 p (1 - p) over the area of label and models together
    'share',  # of all that its side calls object
)
# Intercept and one slope for each cue, fitted by practicum_work/fit_label_score.py (docs/label-ranking.md).
EXTRA_COEFFICIENTS = (-2.684, -0.163, 1.978, -1.801, -0.722, -3.504, 1.183, 0.550, -3.303, 1.176, 1.482, -1.009, 1.065)
MISSING_COEFFICIENTS = (-2.952, 0.102, 4.751, 0.163, -0.848, 5.211, -0.214, 0.386, -2.164, -2.354, -1.207, 2.089, 2.764)


@dataclass(frozen=True)
class Component:
    """A connected part of what only the label or only the models call object, or the thin border of one of them.

    Attributes:
        region: Shape (H, W), bool.
        extra: Whether the label calls it object; otherwise the models do.
        cues: Shape (len(CUES),).
    """

    region: Binary
    extra: bool
    cues: NDArray[np.float64]


def find_components(evidence: Evidence) -> Iterator[Component]:
    """Yield the components of a disagreement.

    What is thinner than `THICK_DIAMETER_PX` on one side is one component, the border, however many parts it has.

    Args:
        evidence: Label and probabilities, with the edges of the image.

    Raises:
        ValueError: The evidence has no edges.
    """
    if evidence.edges is None:
        raise ValueError('the score needs the image: make_evidence(..., image=...)')
    whole_union = evidence.labelled | (evidence.predicted & evidence.valid)
    inside = _around(whole_union)
    labelled, valid = evidence.labelled[inside], evidence.valid[inside]
    probability, edges = evidence.object_probability[inside], evidence.edges[inside]
    predicted = (probability > 0.5) & valid
    both, union = labelled & predicted, labelled | predicted
    area, common = int(union.sum()), int(both.sum())
    if area == common:
        return
    doubt = float((4 * probability * (1 - probability))[union].mean())
    seen = regions_on(labelled, predicted, MIN_SEEN_SHARE)
    unmatched = labelled & ~seen, predicted & ~regions_on(predicted, seen, MIN_SEEN_SHARE)
    own_outlines, unknown = (outline(labelled), outline(predicted)), near(~valid)
    if evidence.background is not None:
        for own, whole in zip(own_outlines, (evidence.labelled, evidence.predicted & evidence.valid), strict=True):
            own |= _filled_border(whole)[inside]
    outlines = [own & ~near(other) & ~unknown for own, other in (own_outlines, own_outlines[::-1])]
    for side, whole in enumerate((labelled, predicted)):
        only = whole & ~both
        depth = cv2.distanceTransform(np.pad(only, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        counterpart = int(unmatched[1 - side].sum())
        for region, is_thin in _parts(only):
            size = int(region.sum())
            surroundings = cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~region
            support, is_outlined = edge_gain(edges, outlines, near(region))
            cues = (
                np.log(size / area),
                np.abs(2 * probability[region] - 1).mean(),
                depth[region].max() / np.sqrt(area),
                (unmatched[side] & region).sum() / size,
                (surroundings & both).sum() / max(1, surroundings.sum()),
                min(1, counterpart / size),
                is_thin,
                support,
                is_outlined,
                common / max(1, area - size),
                doubt,
                size / max(1, whole.sum()),
            )
            placed = np.zeros(whole_union.shape, bool)
            placed[inside] = region
            yield Component(placed, side == 0, np.array(cues, np.float64))


def _around(binary: Binary) -> tuple[slice, slice]:
    """Return the part of the image that holds a map and its surroundings: most of an image is background to both."""
    left, top, width, height = cv2.boundingRect(binary.astype(np.uint8))
    rows = slice(max(0, top - MARGIN_PX), top + height + MARGIN_PX)
    return rows, slice(max(0, left - MARGIN_PX), left + width + MARGIN_PX)


def _filled_border(whole: Binary) -> Binary:
    """Return the image's border where most of it is object, which is then outline: few objects fill an image."""
    border = np.ones_like(whole)
    border[1:-1, 1:-1] = False
    return border & whole if whole[border].mean() > MAX_BORDER_SHARE else np.zeros_like(whole)


def _parts(binary: Binary) -> Iterator[tuple[Binary, bool]]:
    """Yield the thick regions of a map, and all that is thin as one; the second value says that it is thin."""
    thick = opened(binary, THICK_DIAMETER_PX)
    regions = find_regions(thick)
    for number in range(1, len(regions) + 1):
        yield regions.labels == number, False
    thin = binary & ~thick
    if thin.any():
        yield thin, True


def edge_gain(edges: NDArray[np.float32], outlines: Sequence[Binary], rim: Binary) -> tuple[float, bool]:
    """Measure how much better the label's outline follows edges than the models' does, and whether there is enough.

    Args:
        edges: Strength of the edges (`edge_support`).
        outlines: Those of the label and of the models, where they differ.
        rim: The pixels near the region.

    Returns:
        -1 to 1, in units of `TYPICAL_EDGE_SUPPORT`; 0 without `MIN_OUTLINE_PX` of the label's outline.
    """
    of_label, of_models = (edges[own & rim] for own in outlines)
    if len(of_label) < MIN_OUTLINE_PX:
        return 0.0, False
    difference = float(of_label.sum() - of_models.sum())
    support = difference / (len(of_label) + len(of_models)) / TYPICAL_EDGE_SUPPORT
    return min(max(support, -1.0), 1.0), True


def error_probability(component: Component) -> float:
    """Estimate the probability that the label is wrong in a component: a logistic regression of its cues."""
    intercept, *slopes = EXTRA_COEFFICIENTS if component.extra else MISSING_COEFFICIENTS
    return float(1 / (1 + np.exp(-(intercept + np.dot(slopes, component.cues)))))
