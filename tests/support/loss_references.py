"""Reference implementations of the losses, pixel by pixel in float64 NumPy, written from the papers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import ndimage

IGNORE = 255


def probabilities(logits: np.ndarray, use_sigmoid: bool) -> np.ndarray:
    if use_sigmoid or logits.shape[1] == 1:
        return 1 / (1 + np.exp(-logits))
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def counted(target: np.ndarray) -> np.ndarray:
    """Mask (N, H, W) of the pixels that are not ignored."""
    return target != IGNORE if target.ndim == 3 else target.min(axis=1) >= 0


def shares(target: np.ndarray, channels: int) -> np.ndarray:
    """Target of each channel (N, C, H, W); one channel is that of class 1."""
    if target.ndim == 4:
        return target
    return np.stack([target == c for c in ([1] if channels == 1 else range(channels))], axis=1).astype(float)


def pixel_loss(
    cost: Callable[[float], float],
    logits: np.ndarray,
    target: np.ndarray,
    *,
    pixel_weight: np.ndarray | None = None,
    class_weight: Sequence[float] | None = None,
    use_sigmoid: bool = False,
    normalize: str = 'weights',
    label_smoothing: float = 0.0,
    keep: np.ndarray | None = None,
) -> float:
    """Mean over the kept pixels of the cost of the true class's probability."""
    images, channels, height, width = logits.shape
    separate = use_sigmoid and channels > 1
    probs, share = probabilities(logits, use_sigmoid), shares(target, channels)
    if channels == 1:
        probs, share = np.concatenate([1 - probs, probs], 1), np.concatenate([1 - share, share], 1)
    kept = counted(target) if keep is None else keep
    total = divisor = 0.0
    for n, y, x in itertools.product(range(images), range(height), range(width)):
        if not kept[n, y, x]:
            continue
        a = 1.0 if pixel_weight is None else pixel_weight[n, y, x]
        for c in range(probs.shape[1]):
            w = 1.0 if class_weight is None else class_weight[c]
            p, t = probs[n, c, y, x], share[n, c, y, x]
            if separate:  # both outcomes of the problem of channel c
                smooth = t * (1 - label_smoothing) + label_smoothing / 2
                total += a * w * (smooth * cost(p) + (1 - smooth) * cost(1 - p))
                divisor += w if normalize == 'weights' else 1
            else:
                smooth = t * (1 - label_smoothing) + label_smoothing / probs.shape[1]
                total += a * w * smooth * cost(p)
                divisor += w * t if normalize == 'weights' else 1 / probs.shape[1]
    return total / divisor if divisor else 0.0


def hard_pixels(logits: np.ndarray, target: np.ndarray, thresh: float | None, min_kept: float) -> np.ndarray:
    probs, share, kept = probabilities(logits, False), shares(target, logits.shape[1]), counted(target)
    if logits.shape[1] == 1:
        probs, share = np.concatenate([1 - probs, probs], 1), np.concatenate([1 - share, share], 1)
    hardness = {}
    for n, y, x in zip(*np.nonzero(kept), strict=True):
        pairs = zip(share[n, :, y, x], probs[n, :, y, x], strict=True)
        hardness[n, y, x] = sum(t * math.log(t / p) for t, p in pairs if t > 0)
    hardest = sorted(hardness, key=hardness.__getitem__, reverse=True)[: math.ceil(min_kept * len(hardness))]
    hard = np.zeros_like(kept)
    for pixel, value in hardness.items():
        hard[pixel] = pixel in hardest or (thresh is not None and math.exp(-value) < thresh)
    return hard


def boundary_weights(ids: np.ndarray, w0: float, sigma: float, band: int) -> np.ndarray:
    """Weights by SciPy's exact distance transform."""
    weights = np.ones(ids.shape)
    for image, weight in zip(ids, weights, strict=True):
        height, width = image.shape
        edge = np.zeros(image.shape, bool)
        for y, x in itertools.product(range(height), range(width)):
            window = image[max(y - band, 0) : y + band + 1, max(x - band, 0) : x + band + 1]
            edge[y, x] = image[y, x] != IGNORE and np.any((window != image[y, x]) & (window != IGNORE))
        if edge.any():
            squared = ndimage.distance_transform_edt(~edge) ** 2
            weight += w0 * (np.exp(-squared / (2 * sigma**2)) if sigma else edge)
    return weights


def overlap(coefficient: Callable[[float, float, float], float], log: bool, gamma: float = 1.0) -> Callable:
    """A class loss from a coefficient of true positives, false positives and false negatives."""

    def loss(p: np.ndarray, t: np.ndarray, a: np.ndarray) -> float:
        value = coefficient(np.sum(a * p * t), np.sum(a * p * (1 - t)), np.sum(a * (1 - p) * t))
        return (-math.log(value) if log else max(1 - value, 0)) ** (1 / gamma)

    return loss


def iou_loss(wrong: np.ndarray, t: np.ndarray, a: np.ndarray) -> float:
    """``1 - IoU`` of the prediction that is wrong exactly in the pixels ``wrong``; 0 of two empty sets."""
    predicted, true = (t == 1) ^ wrong, t == 1
    union = a[predicted | true].sum()
    return 1 - a[predicted & true].sum() / union if union else 0.0


def lovasz(errors: np.ndarray, t: np.ndarray, a: np.ndarray) -> float:
    """The Lovász extension as a Choquet integral: of ``iou_loss`` of the pixels above a level, over all levels."""
    levels = [0.0, *np.unique(errors)]
    return sum((high - low) * iou_loss(errors >= high, t, a) for low, high in itertools.pairwise(levels) if high > 0)


def region_loss(
    class_loss: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
    scores: np.ndarray,
    target: np.ndarray,
    *,
    pixel_weight: np.ndarray | None = None,
    classes: Sequence[int] | None = None,
    class_weight: Sequence[float] | None = None,
    per: str = 'batch',
    absent: str = 'skip',
) -> float:
    """Mean over units (batch or images) of the weighted mean over classes; scores (N, C, H, W)."""
    images, channels = scores.shape[:2]
    share, keep = shares(target, channels), counted(target)
    means = []
    for unit in [[n] for n in range(images)] if per == 'image' else [list(range(images))]:
        total = weights = 0.0
        for c in range(channels) if classes is None else classes:
            inside = keep[unit]
            t, s = share[unit, c][inside], scores[unit, c][inside]
            a = np.ones(t.shape) if pixel_weight is None else pixel_weight[unit][inside]
            if a.sum() == 0 or (absent == 'skip' and (a * t).sum() == 0):
                continue
            w = 1.0 if class_weight is None else class_weight[c]
            total += w * class_loss(s, t, a)
            weights += w
        if weights > 0:
            means.append(total / weights)
    return sum(means) / len(means) if means else 0.0
