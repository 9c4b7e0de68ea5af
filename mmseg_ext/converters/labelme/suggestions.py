"""LabelMe files with two sets of shapes: the mask, and the mask that a model suggests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmseg_ext.converters.labelme.encode import encode_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import SHAPES_SUFFIX
from mmseg_ext.data.images import read_header
from mmseg_ext.data.labelme.document import label_names, labels_text, new_document
from mmseg_ext.data.masks import Mask
from mmseg_ext.files import write_json, write_text

PREFIX = 'model: '


def suggested_labels(classes: Classes) -> list[str]:
    """Return the labels of suggested shapes, such as ``model: cat``; background is never suggested."""
    return [PREFIX + name for name in (classes.names[value] for value in classes.object_classes)]


def write_label_list(folder: Path, classes: Classes) -> None:
    """Write ``labels.txt``: the classes, then the labels of suggestions."""
    write_text(folder / 'labels.txt', labels_text(classes) + ''.join(f'{name}\n' for name in suggested_labels(classes)))


def write_suggestion(folder: Path, image: Path, mask: Mask, model: Mask, classes: Classes) -> bool:
    """Write ``folder/<stem>.json`` with both masks as shapes, unless it exists: somebody may have worked on it.

    LabelMe lists shapes by label, each with a checkbox that shows or hides it, so users can switch between the sets.

    Args:
        folder: Folder of the split's LabelMe files.
        image: The image file.
        mask: The given mask, shape (H, W); its labels are the classes.
        model: The suggested mask, shape (H, W); its labels begin with ``model: ``.
        classes: Names of the classes.

    Returns:
        Whether it was written.

    Raises:
        InputError: The image cannot be read.
    """
    path = folder / (image.stem + SHAPES_SUFFIX)
    if path.exists():
        return False
    names = label_names(classes)
    suggested = {value: PREFIX + name for value, name in names.items()}
    canvas = np.full_like(mask, classes.unlabelled)
    shapes = [*encode_shapes(mask, names, canvas=canvas), *encode_shapes(model, suggested, canvas=canvas)]
    write_json(path, new_document(shapes, image, read_header(image), folder))
    return True
