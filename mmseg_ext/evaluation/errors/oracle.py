"""What the repair of each cause would bring: its pixels set to the truth, everything else as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.bootstrap import paired_bootstrap
from mmseg_ext.evaluation.errors.estimate import Estimate, ratio_estimate


@dataclass(frozen=True)
class Repair:
    """A cause and what its repair would bring.

    Attributes:
        pixels: Wrong pixels of the cause.
        images: Images with such a pixel.
        share: Of all wrong pixels, in percent.
        gain: mDice with the cause repaired minus mDice, in points (percent). Gains of several causes do not add up.
    """

    pixels: int
    images: int
    share: Estimate
    gain: Estimate


def repaired(confusion: NDArray[np.int64], wrong: NDArray[np.int64]) -> NDArray[np.int64]:
    """Confusion counts after some wrong pixels have been set to the truth.

    Args:
        confusion: Shape (…, K, K), rows true and columns predicted classes.
        wrong: Wrong pixels of a cause, the same shape, diagonal 0.
    """
    result = confusion - wrong
    K = confusion.shape[-1]
    result[..., range(K), range(K)] += wrong.sum(axis=-1)
    return result


def measure_repairs(
    confusion: NDArray[np.int64], causes: NDArray[np.int64], *, resamples: int = 2000, seed: int = 0
) -> list[Repair]:
    """Measure the repair of each cause, with 95 % bootstrap intervals over images.

    Args:
        confusion: Counts of each image, shape (N, K, K).
        causes: Counts of each image's wrong pixels by cause, shape (N, C, K, K).
        resamples: How often the images are drawn.
        seed: Of the draws.

    Returns:
        C repairs.
    """
    wrong = causes.sum(axis=(2, 3))
    all_wrong = wrong.sum(axis=1)
    repairs = []
    for number in range(causes.shape[1]):
        gain = paired_bootstrap(confusion, repaired(confusion, causes[:, number]), resamples=resamples, seed=seed)
        repairs.append(
            Repair(
                pixels=int(wrong[:, number].sum()),
                images=int((wrong[:, number] > 0).sum()),
                share=ratio_estimate(100 * wrong[:, number], all_wrong, resamples=resamples, seed=seed),
                gain=Estimate(*(100 * value for value in gain)),
            )
        )
    return repairs
