"""Sizes and mirror images in which the test of a config sees an image, read from its pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import Box
from mmseg_ext.runs.hyperparameters import NO_AUGMENTATION, part_name


def size_of_test(config: Mapping[str, Any]) -> Box | None:
    """Return the longest and the shortest side that the test fits images into; None leaves them as they are.

    Raises:
        InputError: It has a step that prediction would leave out.
    """
    loader = config.get('test_dataloader') or config.get('val_dataloader') or {}
    size = None
    for step in (loader.get('dataset') or {}).get('pipeline') or config.get('test_pipeline') or []:
        size = _resized(step, size)
    return size


def views_of_tta(config: Mapping[str, Any], size: Box | None) -> tuple[tuple[Box | None, ...], bool]:
    """Return the sizes of test-time augmentation, and whether each is also mirrored left to right.

    There are none if ``tta_pipeline`` is missing, or makes views of another kind.

    Args:
        config: The config.
        size: The size of its test, to which a ``scale_factor`` refers.
    """
    views: list[tuple[Box | None, bool]] = [(None, False)]
    try:
        for step in config.get('tta_pipeline') or []:
            for choices in step['transforms'] if part_name(step) == 'TestTimeAug' else [[step]]:
                views = [_view(box, flip, choice, size) for box, flip in views for choice in choices]
    except InputError:
        return (), False
    sizes, flips = tuple(dict.fromkeys(box for box, _ in views)), {flip for _, flip in views}
    if len(views) < 2 or set(views) != set(product(sizes, {False, *flips})):
        return (), False
    return sizes, True in flips


def _view(box: Box | None, flip: bool, step: Mapping[str, Any], size: Box | None) -> tuple[Box | None, bool]:
    """Return size and mirroring of a view after a step of ``tta_pipeline``, given those before it."""
    name, factor, base = part_name(step), step.get('scale_factor'), box or size
    if name == 'RandomFlip' and step.get('prob') == 0:
        return box, flip
    if name == 'RandomFlip' and step.get('prob') == 1 and step.get('direction', 'horizontal') == 'horizontal':
        return box, not flip
    if name == 'Resize' and step.get('scale') is None and isinstance(factor, (int, float)) and base is not None:
        return (factor * base[0], factor * base[1]), flip
    return _resized(step, box), flip


def _resized(step: Mapping[str, Any], size: Box | None) -> Box | None:
    """Return the longest and the shortest side that images are fitted into after a step, given those before it."""
    if part_name(step) in NO_AUGMENTATION:
        return size
    scale = step.get('scale')
    if part_name(step) != 'Resize' or scale is None or not step.get('keep_ratio'):
        raise InputError(
            f'config: {part_name(step)} of the test',
            'is done neither by prediction nor by export, which only fit images into the `scale:` of a Resize with '
            '`keep_ratio=True`',
            'test the model with that alone',
        )
    sides = (scale, scale) if isinstance(scale, (int, float)) else tuple(scale)
    return float(max(sides)), float(min(sides))
