"""Files written from predictions: masks, overlays, LabelMe documents, probabilities, class names."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from mmseg_ext.converters.labelme.encode import encode_shapes
from mmseg_ext.data.classes import FILE_NAME, Classes
from mmseg_ext.data.images import Pixels, read_header
from mmseg_ext.data.labelme.document import label_names, labels_text, new_document
from mmseg_ext.data.masks import Mask, mask_image, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.files import atomic_path, write_json, write_text
from mmseg_ext.inference.prediction import Prediction

SUFFIX_OF_KIND = {'masks': '.png', 'overlays': '.jpg', 'labelme': '.json', 'probabilities': '.npz'}
LABEL_LIST = 'labels.txt'
JPEG_QUALITY = 90


def write_output(kind: str, path: Path, prediction: Prediction, image_path: Path, opacity: float = 0.5) -> None:
    """Write one file of a prediction, atomically.

    All are upright, as a viewer shows the image.

    Args:
        kind: ``masks``, ``overlays``, ``labelme`` or ``probabilities``.
        path: The file to write.
        prediction: Its content.
        image_path: The predicted image, to which a LabelMe document refers.
        opacity: Opacity of an overlay, 0–1.

    Raises:
        InputError: The file cannot be written.
    """
    if kind == 'masks':
        write_mask(path, prediction.mask, prediction.classes.palette)
    elif kind == 'overlays':
        with atomic_path(path) as temporary:
            temporary.write_bytes(encode_jpeg(prediction.overlay(opacity)))
    elif kind == 'labelme':
        write_json(path, labelme_document(prediction, image_path, path.parent))
    elif kind == 'probabilities':
        save_probabilities(path, prediction.probabilities, half=True)
    else:
        raise ValueError(f'{kind!r} is none of {tuple(SUFFIX_OF_KIND)}')


def labelme_document(prediction: Prediction, image_path: Path, folder: Path) -> dict[str, object]:
    """Make a LabelMe document with one shape per region.

    Args:
        prediction: Its content.
        image_path: The predicted image.
        folder: Folder of the document, from which it refers to the image.
    """
    mask, classes = prediction.mask, prediction.classes
    shapes = encode_shapes(mask, label_names(classes), canvas=np.full_like(mask, classes.unlabelled))
    return new_document(shapes, image_path, read_header(image_path), folder)


def encode_jpeg(pixels: Pixels) -> bytes:
    """Encode RGB pixels (H, W, 3) as a JPEG of full colour resolution, which keeps outlines sharp."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()


def encode_png(mask: Mask, palette: Sequence[Sequence[int]] | None = None) -> bytes:
    """Encode class indices (H, W) as a PNG: of grey values, or with a palette as `write_mask` writes it."""
    from PIL import Image

    stream = io.BytesIO()
    image = Image.fromarray(mask) if palette is None else mask_image(mask, palette)
    image.save(stream, format='PNG')
    return stream.getvalue()


def conflicting_class_files(out: Path, kinds: Collection[str], classes: Classes) -> list[Path]:
    """List the files of `write_class_files` that exist with other content."""
    found = [out / FILE_NAME] if (out / FILE_NAME).exists() and not _names(out, classes) else []
    labels = out / LABEL_LIST
    if 'labelme' in kinds and labels.exists():
        found += [] if labels.is_file() and labels.read_bytes() == labels_text(classes).encode() else [labels]
    return found


def write_class_files(out: Path, kinds: Collection[str], classes: Classes) -> None:
    """Write ``dataset.yaml``, unless it names the classes already, and for LabelMe ``labels.txt``."""
    if not _names(out, classes):
        classes.write(out)
    if 'labelme' in kinds:
        write_text(out / LABEL_LIST, labels_text(classes))


def _names(root: Path, classes: Classes) -> bool:
    """Return whether ``dataset.yaml`` exists and names these classes."""
    try:
        return Classes.read(root) == classes
    except InputError:
        return False
