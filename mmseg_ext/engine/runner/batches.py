"""Batches of a validation or a test, divided into parts that a model predicts at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAX_PIXELS = 2**20  # of a part's images at their original size, the size of their logits: four of 512²
_SIZES = ('ori_shape', 'img_shape', 'pad_shape')


def divide_batch(batch: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Divide a batch into runs of images of one size, of at most `MAX_PIXELS` together or a single image.

    mmsegmentation's models stack the inputs, give all predictions the first one's padded size, and warn if original
    sizes differ.

    Args:
        batch: A collated batch: ``inputs`` and ``data_samples``, each a list by image or, with test-time
            augmentation, by view and image. A batch of another form stays one part.

    >>> import torch
    >>> batch = {'inputs': [torch.zeros(3, 2, 2), torch.zeros(3, 2, 2), torch.zeros(3, 4, 4), torch.zeros(3, 2, 2)]}
    >>> [len(part['inputs']) for part in divide_batch(batch)]
    [2, 1, 1]
    """
    inputs = batch['inputs']
    if not isinstance(inputs, list | tuple) or not inputs:
        yield dict(batch)
        return
    with_views = isinstance(inputs[0], list | tuple)
    sizes = [_size_of(batch, index, with_views) for index in range(len(inputs[0] if with_views else inputs))]
    start = pixels = 0
    for index, (size, image_pixels) in enumerate(sizes):
        if index > start and (size != sizes[start][0] or pixels + image_pixels > MAX_PIXELS):
            yield _select(batch, start, index, with_views)
            start, pixels = index, 0
        pixels += image_pixels
    yield _select(batch, start, len(sizes), with_views)


def _size_of(batch: Mapping[str, Any], index: int, with_views: bool) -> tuple[Any, int]:
    """Return the key that images predicted together must share, and the image's number of pixels."""
    inputs, samples = batch['inputs'], batch.get('data_samples') or []
    views = [view[index] for view in inputs] if with_views else [inputs[index]]
    described = [view[index] for view in samples] if with_views else samples[index : index + 1]
    shapes = [[tuple(one.get(name, ())) for name in _SIZES] for one in described]
    height, width = shapes[0][0][:2] if shapes and shapes[0][0] else views[0].shape[-2:]
    return ([tuple(view.shape) for view in views], shapes), height * width


def _select(batch: Mapping[str, Any], start: int, stop: int, with_views: bool) -> dict[str, Any]:
    def cut(values: Sequence[Any]) -> Any:
        return [view[start:stop] for view in values] if with_views else values[start:stop]

    return {key: cut(values) for key, values in batch.items()}
