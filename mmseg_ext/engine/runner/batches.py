"""Batches of images of several sizes, in parts that a model takes at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_SIZES = ('ori_shape', 'img_shape', 'pad_shape')


def step_by_size(batch: Mapping[str, Any], step: Callable[[dict[str, Any]], Sequence[Any]]) -> list[Any]:
    """Predict a batch, the images of each size together; return the outputs in the order of the batch.

    mmsegmentation's models stack the inputs, give all predictions the first one's padded size, and warn where original
    sizes differ.

    Args:
        batch: What a loader collates: ``inputs`` and ``data_samples`` by image or, with test-time augmentation, by view
            and image.
        step: Predicts such a batch; an output for each image, and after them whatever else it returns (losses).

    >>> import torch
    >>> batch = {'inputs': [torch.zeros(1, 2, 2), torch.zeros(1, 3, 3), torch.ones(1, 2, 2)]}
    >>> step_by_size(batch, lambda part: [len(part['inputs'])] * len(part['inputs']))
    [2, 1, 2]
    """
    inputs = batch['inputs']
    with_views = isinstance(inputs[0], Sequence)
    views = inputs if with_views else [inputs]
    count = len(views[0])
    parts: dict[Any, list[int]] = {}
    for index in range(count):
        parts.setdefault(_size_of(batch, index, with_views), []).append(index)
    outputs: list[Any] = [None] * count
    further: list[Any] = []
    for indices in parts.values():
        part = dict(batch) if len(parts) == 1 else {key: _select(batch[key], indices, with_views) for key in batch}
        results = list(step(part))
        for index, result in zip(indices, results, strict=False):
            outputs[index] = result
        further += results[len(indices) :]
    return outputs + further


def _size_of(batch: Mapping[str, Any], index: int, with_views: bool) -> Any:
    views = batch['inputs'] if with_views else [batch['inputs']]
    samples = batch.get('data_samples') or []
    described = (samples if with_views else [samples]) if samples else []
    return (
        tuple(tuple(view[index].shape) for view in views),
        tuple(tuple(tuple(one[index].get(name, ())) for name in _SIZES) for one in described),
    )


def _select(values: Any, indices: Sequence[int], with_views: bool) -> Any:
    if with_views:
        return [_select(view, indices, False) for view in values]
    return [values[index] for index in indices]
