"""Corrected masks beside the truth of a result: were the suspected masks wrong?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.result_dir import ResultDir


@dataclass(frozen=True)
class Correction:
    """A corrected label set.

    Attributes:
        labels: Its name.
        agreement: Stem → agreement with the truth of the result (`mask_agreement`), 0–1.
        confusion: Counts of the predictions against it, shape (N, K, K).
    """

    labels: str
    agreement: dict[str, float]
    confusion: NDArray[np.int64]


def read_correction(result: ResultDir, labels: str, background: int | None = 0) -> Correction:
    """Read the corrected masks of a result's images: another label set of the same data set.

    Args:
        result: The result.
        labels: Name of the label set.
        background: The class that is ground, or None.

    Raises:
        InputError: A mask is missing or cannot be used.
    """
    K, ignored = len(result.classes.names), result.classes.ignore_index
    agreement, counts = {}, []
    for case, path in zip(result, result.labels, strict=True):
        corrected_path = path.parents[2] / labels / path.parent.name / path.name
        corrected = read_mask(corrected_path)
        if corrected.shape != case.truth.shape:
            raise InputError(f'{corrected_path}: differs in size from {path}; export it anew')
        counts.append(confusion_matrix(case.prediction, corrected, K, ignored, str(corrected_path)))
        agreement[case.stem] = mask_agreement(case.truth, corrected, background, ignored)
    return Correction(labels, agreement, np.stack(counts))


def mask_agreement(first: Mask, second: Mask, background: int | None, ignore_index: int) -> float:
    """Share of equal pixels among those that either mask calls an object, 0–1; 1 where there are none.

    Pixels that either ignores do not count.
    """
    judged = (first != ignore_index) & (second != ignore_index)
    if background is not None:
        judged &= (first != background) | (second != background)
    return float((first == second)[judged].mean()) if judged.any() else 1.0
