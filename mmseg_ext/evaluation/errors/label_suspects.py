"""Ground-truth masks that are probably wrong, and their check against a corrected label set.

A mask is suspected if confident probabilities (above 0.7) contradict it on more than a fifth of the object's area,
beyond its border; where only one side sees an object, the contradiction counts half (`corroborated_agreement` below
0.8). This is the rule of ``mmseg-ext rank``, and needs a model that was not trained on the masks. A contradiction only
about the class raises no suspicion: models trained on little data confuse similar classes most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.dataset import DataSet
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.quality import corroborated_agreement, label_errors, make_evidence
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.result_dir import ResultDir

SUSPECT_BELOW = 0.8  # agreement, 0–1


@dataclass(frozen=True)
class Suspicion:
    """Agreement of a ground-truth mask with a model.

    Attributes:
        agreement: Result of `corroborated_agreement`, 0–1.
        kind: What is probably wrong with the mask (`mmseg_ext.eda.quality.errors.KINDS`).
    """

    agreement: float
    kind: str

    @property
    def is_suspect(self) -> bool:
        """Whether the mask is suspected rather than the model."""
        return self.agreement < SUSPECT_BELOW


@dataclass(frozen=True)
class Correction:
    """Corrected label set.

    Attributes:
        labels: Name of the label set.
        agreement: Stem → agreement with the ground truth of the result (`mask_agreement`), 0–1.
        confusion: Counts of the predictions against the corrected masks, shape (N, K, K).
    """

    labels: str
    agreement: dict[str, float]
    confusion: NDArray[np.int64]


def suspect_label(
    truth: Mask, probabilities: NDArray[np.floating], background: int = 0, ignore_index: int = 255
) -> Suspicion:
    """Compare a ground-truth mask with the probabilities of a model.

    Args:
        truth: Class indices, shape (H, W), or ``ignore_index``.
        probabilities: Shape (K, H, W).
        background: Index of the background class.
        ignore_index: Value of the ground truth that is not judged.
    """
    if background != 0:  # the label-quality scores assume that class 0 is the background
        order = [background, *(value for value in range(len(probabilities)) if value != background)]
        table = np.arange(256, dtype=np.uint8)
        table[order] = np.arange(len(order))
        truth, probabilities = table[truth], probabilities[order]
    both = make_evidence(truth, probabilities, ignore_index)
    return Suspicion(corroborated_agreement(both), label_errors(both).kind)


def read_correction(result: ResultDir, labels: str, background: int | None = 0) -> Correction:
    """Read the corrected masks of a result's images from another label set of the same data set.

    Args:
        result: The result.
        labels: Name of the label set.
        background: Index of the background class, or None.

    Raises:
        InputError: A mask is missing or cannot be used.
    """
    K, ignored = len(result.classes.names), result.classes.ignore_index
    DataSet(result.labels[0].parents[2]).label_set(labels, 'corrected')
    agreement, counts = {}, []
    for case, path in zip(result, result.labels, strict=True):
        corrected_path = path.parents[2] / labels / path.parent.name / path.name
        corrected = read_mask(corrected_path)
        if corrected.shape != case.truth.shape:
            raise InputError(corrected_path, f'differs in size from {path}', 'export it again')
        counts.append(confusion_matrix(case.prediction, corrected, K, ignored, str(corrected_path)))
        agreement[case.stem] = mask_agreement(case.truth, corrected, background, ignored)
    return Correction(labels, agreement, np.stack(counts))


def mask_agreement(first: Mask, second: Mask, background: int | None, ignore_index: int) -> float:
    """Compute the share of equal pixels among those that are an object in either mask.

    Pixels that either mask ignores do not count.

    Returns:
        0–1; 1 if neither mask has an object.

    >>> mask_agreement(np.array([[0, 1, 1, 2]]), np.array([[0, 1, 2, 0]]), background=0, ignore_index=255)
    0.3333333333333333
    """
    judged = (first != ignore_index) & (second != ignore_index)
    if background is not None:
        judged &= (first != background) | (second != background)
    return float((first == second)[judged].mean()) if judged.any() else 1.0
