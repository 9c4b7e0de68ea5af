"""Class weights from the masks of a split, written to a file that a config takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmseg_ext.eda.class_weights import Absent, check_out, class_weights, write_weights


def compute_class_weights(
    root: str | Path,
    labels: str = 'labels',
    split: str = 'train',
    *,
    method: str = 'median-frequency',
    per_image: bool = False,
    absent: Absent = 'refuse',
    out: str | Path | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Compute the weights of the classes, and write them.

    Args:
        root: The data set.
        labels: Name of the label set.
        split: The split.
        method: A name of `mmseg_ext.eda.class_weights.METHODS`.
        per_image: For ``median-frequency``: frequencies within the images that show the class.
        absent: What a class without a pixel gets: ``largest``, ``zero``, or ``refuse``, an error.
        out: File for the weights, ``.json`` or ``.npy``.
        overwrite: Replace it.

    Returns:
        ``{"classes": [...], "weights": [...]}`` in class order, and ``"left_out"`` where masks cannot be used.

    Raises:
        InputError: The data set or an argument cannot be used, or ``out`` exists.
    """
    if out is not None:
        check_out(out, overwrite)
    result = class_weights(root, labels, split, method, per_image, absent)
    if out is not None:
        write_weights(out, result)
    return result
