"""Evidence on a mask: the probabilities of models that have not been trained on it, and the edges of its image.

Legend: H, W height and width · K classes · ``mask`` (H, W) uint8, the label that is judged ·
``probabilities`` (K, H, W), 0–1, summing to 1 over K. Ignored pixels take no part.

Where no class is background, every pixel is an object: "the models see it" then means that they see the label's class.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Mask
from mmseg_ext.eda.quality.edges import Binary, edge_support

CONFIDENCE_THRESHOLD = 0.7  # probability above which the models count as confident
OPENING_DIAMETER_PX = 7  # of the disc that a disagreement must hold, so that a blurred border does not count


@dataclass(frozen=True)
class Evidence:
    """A label and the models' probabilities, in the forms that the scores use.

    Attributes:
        mask: The label, shape (H, W).
        probabilities: Shape (K, H, W), float32.
        valid: Shape (H, W), bool: not ignored.
        labelled: Shape (H, W), bool: an object in the label.
        object_probability: Shape (H, W), float32: of any object; without a background, of the class in the label.
        label_probability: Shape (H, W), float32: of the class in the label; of class 0 where it is ignored.
        edges: Shape (H, W), float32, -1–1: `edge_support` of the image; None without an image.
        background: 0, or None where no class is background.
    """

    mask: Mask
    probabilities: NDArray[np.float32]
    valid: Binary
    labelled: Binary
    object_probability: NDArray[np.float32]
    label_probability: NDArray[np.float32]
    edges: NDArray[np.float32] | None = None
    background: int | None = 0

    @property
    def predicted(self) -> Binary:
        """Shape (H, W): an object, of whatever class, to the models."""
        return self.object_probability > 0.5


def make_evidence(
    mask: Mask,
    probabilities: NDArray[np.floating],
    ignore_index: int = 255,
    image: NDArray[np.uint8] | None = None,
    background: int | None = 0,
) -> Evidence:
    """Combine a label, probabilities and the image.

    Args:
        mask: Shape (H, W), uint8.
        probabilities: Shape (K, H, W), 0–1.
        ignore_index: The value of ignored pixels.
        image: Shape (H, W, 3), RGB; only `supported_agreement` and `expected_iou` need it.
        background: 0, or None where no class is background.

    Raises:
        ValueError: Their sizes differ, or the label holds a class without probability.
    """
    if image is not None and image.shape[:2] != mask.shape:
        raise ValueError(f'mask is {mask.shape}, image is {image.shape}; expected (H, W, 3)')
    if probabilities.ndim != 3 or probabilities.shape[1:] != mask.shape:
        raise ValueError(f'mask is {mask.shape}, probabilities are {probabilities.shape}; expected (K, H, W)')
    valid = mask != ignore_index
    if valid.any() and int(mask[valid].max()) >= len(probabilities):
        raise ValueError(f'mask holds class {mask[valid].max()}, but there are {len(probabilities)} probabilities')
    converted = np.asarray(probabilities, np.float32)
    of_label = np.take_along_axis(converted, np.where(valid, mask, 0)[None].astype(np.intp), 0)[0]
    of_object = np.where(valid, of_label if background is None else 1 - converted[0], 0)
    labelled = valid if background is None else (mask > 0) & valid
    edges = None if image is None else edge_support(image)
    return Evidence(mask, converted, valid, labelled, of_object, of_label, edges, background)


def contradiction(evidence: Evidence, confidence: float = CONFIDENCE_THRESHOLD) -> Binary:
    """Return where the models are confident of an object that the label lacks, or of background that it calls object.

    Args:
        evidence: Label and probabilities.
        confidence: Probability above which the models count as confident.

    Returns:
        Shape (H, W).
    """
    probability = evidence.object_probability
    return evidence.valid & np.where(evidence.labelled, probability < 1 - confidence, probability > confidence)


def opened(binary: Binary, diameter: int) -> Binary:
    """Open a map of shape (H, W) by a disc of a diameter in pixels: keep what the disc covers without leaving it."""
    if diameter <= 1:
        return binary
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
    return cv2.morphologyEx(binary.astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)
