"""Masks of the truth that are probably wrong themselves, so that they are not held against the model.

The rule: sure models (chance beyond 0.7) contradict the mask over more than a border, on more than a fifth of the
object's area, where what only one side sees counts half (`corroborated_agreement` below 0.8). It is that of
``tools/rank_labels.py``, and needs a model that has not been trained on the masks. A disagreement about the class alone
is no suspicion: telling similar classes apart is what models of small data are weakest at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.quality.label_errors import label_errors
from mmseg_ext.eda.quality.label_quality import corroborated_agreement, evidence

SUSPECT_BELOW = 0.8


@dataclass(frozen=True)
class Suspicion:
    """What a model says of a mask of the truth.

    Attributes:
        agreement: Of `corroborated_agreement`, 0–1.
        kind: What is probably wrong with the mask (`mmseg_ext.eda.quality.label_errors.KINDS`).
    """

    agreement: float
    kind: str

    @property
    def is_suspect(self) -> bool:
        """Whether the mask rather than the model is suspected."""
        return self.agreement < SUSPECT_BELOW


def suspect_label(
    truth: Mask, probabilities: NDArray[np.floating], background: int = 0, ignore_index: int = 255
) -> Suspicion:
    """Judge a mask of the truth.

    Args:
        truth: Class indices, shape (H, W), or ``ignore_index``.
        probabilities: Shape (K, H, W).
        background: The class that is ground.
        ignore_index: Value of the truth that is not judged.
    """
    if background != 0:  # the scores of label quality take class 0 for the ground
        order = [background, *(value for value in range(len(probabilities)) if value != background)]
        table = np.arange(256, dtype=np.uint8)
        table[order] = np.arange(len(order))
        truth, probabilities = table[truth], probabilities[order]
    both = evidence(truth, probabilities, ignore_index)
    return Suspicion(corroborated_agreement(both), label_errors(both).kind)
