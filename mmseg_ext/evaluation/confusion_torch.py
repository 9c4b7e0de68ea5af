"""Confusion matrices of a batch, counted on its device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmseg_ext.evaluation.confusion import Counts, prediction_error, size_error, truth_error


def batch_confusion(
    predictions: Sequence[Tensor],
    truths: Sequence[Tensor],
    num_classes: int,
    ignore_index: int = 255,
    names: Sequence[str] | None = None,
) -> Counts:
    """Count pixels of each image by true class (rows) and predicted class (columns).

    The counts of the whole batch are copied to the host at once (``torch.bincount`` itself also asks the device for
    the range of its input).

    Args:
        predictions: N tensors of class indices, (H, W) or (1, H, W), on one device; sizes may differ.
        truths: N tensors of the same sizes, class indices or ``ignore_index``.
        num_classes: K.
        ignore_index: Value of the ground truth whose pixels are not counted.
        names: Names of the N images in errors.

    Returns:
        Shape (N, K, K), int64.

    Raises:
        InputError: A ground truth holds another value, or its size is not its prediction's.
        ValueError: A prediction holds a value outside 0 to K − 1.

    >>> truth, prediction = torch.tensor([[0, 1, 255]]), torch.tensor([[1, 1, 0]])
    >>> batch_confusion([prediction], [truth], num_classes=2).tolist()
    [[[0, 1], [0, 1]]]
    """
    names = names or ['mask'] * len(truths)
    for name, prediction, truth in zip(names, predictions, truths, strict=True):
        if prediction.shape[-2:] != truth.shape[-2:]:
            raise size_error(name, tuple(truth.shape), tuple(prediction.shape))
    device = predictions[0].device
    predicted = torch.cat([prediction.flatten() for prediction in predictions]).long()
    true = torch.cat([truth.flatten().to(device) for truth in truths]).long()
    # Beyond the K·K pairs: one bin for ignored pixels, one for invalid ground truth, one for invalid predictions.
    pairs = num_classes * num_classes
    index = true * num_classes + predicted
    index = torch.where((true < 0) | (true >= num_classes), pairs + 1, index)
    index = torch.where(true == ignore_index, pairs, index)
    index = torch.where((predicted < 0) | (predicted >= num_classes), pairs + 2, index)
    bins = pairs + 3
    for number, part in enumerate(index.split([truth.numel() for truth in truths])):
        part += number * bins
    counts = torch.bincount(index, minlength=len(truths) * bins).cpu().numpy().reshape(-1, bins)
    for number in range(len(truths)):
        if counts[number, pairs + 1]:
            raise truth_error(names[number], truths[number].cpu().numpy(), num_classes, ignore_index)
        if counts[number, pairs + 2]:
            raise prediction_error(names[number], predictions[number].long().cpu().numpy(), num_classes)
    confusion: Counts = counts[:, :pairs].reshape(-1, num_classes, num_classes)
    return confusion
