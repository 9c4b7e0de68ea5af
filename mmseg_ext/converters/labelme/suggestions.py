"""A queue for LabelMe in which each file holds two sets of shapes: the mask, and what models suggest instead."""

from __future__ import annotations

from pathlib import Path

from mmseg_ext.converters.labelme.encode import encode_shapes
from mmseg_ext.converters.labelme.photograph import read_photograph
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.labelme.document import SUFFIX, label_names, labels_text, new_document
from mmseg_ext.data.masks import Mask
from mmseg_ext.files import write_json, write_text

PREFIX = 'model: '


def suggested_labels(classes: Classes) -> list[str]:
    """The labels of suggested shapes, such as ``model: cat``; the background is never suggested."""
    return [PREFIX + name for name in classes.names[1:]]


def write_label_list(folder: Path, classes: Classes) -> None:
    """Write ``labels.txt``: the classes, and then the labels of suggestions."""
    write_text(folder / 'labels.txt', labels_text(classes) + ''.join(f'{name}\n' for name in suggested_labels(classes)))


def write_suggestion(folder: Path, photograph: Path, mask: Mask, model: Mask, classes: Classes) -> bool:
    """Write ``folder/<stem>.json`` with both masks as shapes, unless it is there: somebody may have worked on it.

    LabelMe lists every shape by its label, with a tick that shows or hides it, so that the two sets can be switched.

    Args:
        folder: Folder of the split's LabelMe files.
        photograph: The image file.
        mask: The given mask, shape (H, W); its labels are the classes.
        model: The suggested mask, shape (H, W); its labels begin with ``model: ``.
        classes: Names of the classes.

    Returns:
        Whether it was written.

    Raises:
        InputError: The photograph cannot be read.
    """
    path = folder / (photograph.stem + SUFFIX)
    if path.exists():
        return False
    names = label_names(classes)
    suggested = {value: PREFIX + name for value, name in names.items()}
    known = read_photograph(photograph)
    shapes = [*encode_shapes(mask, names), *encode_shapes(model, suggested)]
    document = new_document(shapes, known.path_from(folder), known.size)
    write_json(path, {**document, 'imageData': known.embedded()})
    return True
