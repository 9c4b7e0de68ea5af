"""Photograph, truth and prediction side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import read_image
from mmseg_ext.errors import InputError
from mmseg_ext.reports.drawing import overlay

SIDE = 320  # pixels; larger photographs are shown smaller


def prediction_panel(sample: Any, metainfo: Mapping[str, Any]) -> tuple[str, NDArray[np.uint8]] | None:
    """Draw one sample of a validation.

    Args:
        sample: An mmseg ``SegDataSample`` with ``pred_sem_seg`` and, where known, ``gt_sem_seg``.
        metainfo: Of the data set, with ``palette`` and ``ignore_index``.

    Returns:
        The stem and a picture, RGB, shape (h, 3w, 3), uint8: the photograph, the truth on it (without a truth, the
        photograph again) and the prediction on it. None where the sample names no photograph.
    """
    if 'pred_sem_seg' not in sample or not getattr(sample, 'img_path', None):
        return None
    path = Path(sample.img_path)
    try:
        image = read_image(path)
    except InputError:
        return None
    masks = [_plane(sample.gt_sem_seg) if 'gt_sem_seg' in sample else None, _plane(sample.pred_sem_seg)]
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    palette, ignored = metainfo['palette'], int(metainfo.get('ignore_index', 255))
    shown = [small]
    for mask in masks:
        if mask is not None:
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        shown.append(small if mask is None else overlay(small, mask, palette, ignore_index=ignored))
    return path.stem, np.concatenate(shown, axis=1)


def _plane(data: Any) -> NDArray[np.uint8]:
    plane: NDArray[np.uint8] = data.data.reshape(data.data.shape[-2:]).cpu().numpy().astype(np.uint8)
    return plane
