"""Target checks and reductions shared by the losses."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def check_loss_name(loss_name: str) -> str:
    """Return ``loss_name``, or raise ValueError if mmsegmentation would log the loss but not train on it."""
    if not loss_name.startswith('loss_'):
        raise ValueError(f"loss_name {loss_name!r} must start with 'loss_', else it is logged but never trained on")
    return loss_name


def full_precision(logits: Tensor) -> Tensor:
    """Return half-precision logits as float32, and float32 or float64 logits unchanged."""
    return logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits


def valid_pixels(logits: Tensor, target: Tensor, ignore_index: int | None) -> Tensor:
    """Check a target against the logits and return the mask of its valid pixels.

    Args:
        logits: Scores (N, C, H, W).
        target: Class ids (N, H, W) of an integer type, from 0 to C - 1 (0 and 1 where C is 1); or soft targets
            (N, C, H, W) of a floating type in [0, 1], where a pixel with a negative channel is ignored.
        ignore_index: Class id of ignored pixels; None if no pixel is ignored. Soft targets do not use it.

    Returns:
        Mask (N, H, W), bool, True for pixels that are not ignored.

    Raises:
        ValueError: The shapes do not agree, or a value is out of range. Values are checked in CPU tensors only,
            because on a GPU the check would synchronize with the device.

    >>> valid_pixels(torch.zeros(1, 3, 1, 2), torch.tensor([[[2, 255]]]), ignore_index=255)
    tensor([[[ True, False]]])
    """
    soft = target.is_floating_point()
    expected = logits.shape if soft else logits.shape[:1] + logits.shape[2:]
    if target.shape != expected:
        kind = 'soft targets' if soft else 'class ids'
        raise ValueError(
            f'{kind} of shape {tuple(target.shape)} for logits {tuple(logits.shape)}: expected {tuple(expected)}'
        )
    if soft:
        if target.device.type == 'cpu' and not bool((target <= 1 + 1e-4).all()):
            raise ValueError(
                f'soft target {target.max().item()} is not in [0, 1] (a negative channel marks an ignored pixel)'
            )
        return (target >= 0).all(dim=1)
    valid = torch.ones_like(target, dtype=torch.bool) if ignore_index is None else target != ignore_index
    if target.device.type == 'cpu':
        _check_class_ids(target, valid, max(logits.shape[1], 2), ignore_index)
    return valid


def _check_class_ids(target: Tensor, valid: Tensor, num_classes: int, ignore_index: int | None) -> None:
    is_bad = valid & ((target < 0) | (target >= num_classes))
    if bool(is_bad.any()):  # picking the valid pixels first would take twenty times as long
        bad = target[is_bad]
        raise ValueError(
            f'class id {int(bad[0])} in the target ({bad.numel()} such pixels): expected '
            f'0 to {num_classes - 1} or the ignore index {ignore_index}'
        )


def one_hot(target: Tensor, valid: Tensor, num_channels: int, dtype: torch.dtype) -> Tensor:
    """Spread a checked target over channels, with zeros in the ignored pixels.

    Args:
        target: Class ids (N, H, W), or soft targets (N, C, H, W), as for `valid_pixels`.
        valid: Mask (N, H, W) from `valid_pixels`.
        num_channels: C. With one channel, the channel is the foreground, class id 1.
        dtype: Floating type of the result.

    Returns:
        Targets (N, C, H, W) in [0, 1].
    """
    if target.is_floating_point():
        return torch.where(valid.unsqueeze(1), target, 0).to(dtype)
    first = 1 if num_channels == 1 else 0
    ids = torch.arange(first, first + num_channels, device=target.device)
    ids = ids.view(1, -1, *(1 for _ in target.shape[1:]))
    return ((target.unsqueeze(1) == ids) & valid.unsqueeze(1)).to(dtype)


def pixel_weight(weight: Tensor | None, valid: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the weight of each pixel (N, H, W), 0 where it is ignored.

    Args:
        weight: Per-pixel weights (N, H, W) or (N, 1, H, W), or None for ones.
        valid: Mask (N, H, W) of the pixels that are not ignored.
        dtype: Floating type of the result.

    Raises:
        ValueError: ``weight`` has another shape.
    """
    if weight is None:
        return valid.to(dtype)
    if weight.numel() != valid.numel() or weight.shape[0] != valid.shape[0]:
        raise ValueError(f'pixel weights of shape {tuple(weight.shape)} for targets {tuple(valid.shape)}')
    return torch.where(valid, weight.reshape(valid.shape).to(dtype), 0)


def divide_or_zero(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide, giving 0 where the denominator is 0, without detaching the graph."""
    return numerator / torch.where(denominator > 0, denominator, math.inf)
