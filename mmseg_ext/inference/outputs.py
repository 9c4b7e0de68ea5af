"""The files that a prediction becomes."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from pathlib import Path

from mmseg_ext.converters.labelme.encode import encode_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import Pixels, read_header
from mmseg_ext.data.labelme.document import label_names, labels_text, new_document
from mmseg_ext.data.masks import Mask, write_mask
from mmseg_ext.files import atomic_path, write_json, write_text
from mmseg_ext.inference.prediction import Prediction

KINDS = {'masks': '.png', 'overlays': '.jpg', 'labelme': '.json'}  # folder → suffix
DATASET, LABEL_LIST = 'dataset.yaml', 'labels.txt'
JPEG_QUALITY = 90


def write_output(kind: str, path: Path, prediction: Prediction, photo: Path, opacity: float = 0.5) -> None:
    """Write one file of a photograph, atomically.

    Masks and overlays are upright, as a viewer shows the photograph. A LabelMe file lies on the pixels as they are
    stored, as everything in `mmseg_ext.converters.labelme` does.

    Args:
        kind: ``masks``, ``overlays`` or ``labelme``.
        path: The file.
        prediction: What it shows.
        photo: The photograph's own file.
        opacity: Of an overlay, 0–1.

    Raises:
        InputError: It cannot be written.
    """
    if kind == 'masks':
        write_mask(path, prediction.mask, prediction.classes.palette)
    elif kind == 'overlays':
        with atomic_path(path) as temporary:
            temporary.write_bytes(encode_jpeg(prediction.overlay(opacity)))
    elif kind == 'labelme':
        write_json(path, labelme_document(prediction, photo, path.parent))
    else:
        raise ValueError(f'{kind!r} is none of {tuple(KINDS)}')


def labelme_document(prediction: Prediction, photo: Path, folder: Path) -> dict[str, object]:
    """A LabelMe file, one shape a region, for a photograph; ``folder`` is where the file will stand."""
    shapes = encode_shapes(prediction.stored_mask, label_names(prediction.classes))
    return new_document(shapes, photo, read_header(photo), folder)


def encode_jpeg(pixels: Pixels) -> bytes:
    """A JPEG of RGB pixels, shape (H, W, 3), with full colour resolution, so that outlines are not smeared."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format='JPEG', quality=JPEG_QUALITY, subsampling=0)
    return stream.getvalue()


def encode_png(mask: Mask, palette: Sequence[Sequence[int]] | None = None) -> bytes:
    """A PNG of class indices, shape (H, W): of grey values, or with a palette, as `write_mask` writes it."""
    from PIL import Image

    image = Image.fromarray(mask)
    if palette is not None:
        colours = [int(value) for colour in palette for value in colour]
        image.putpalette(colours + [0] * (3 * 256 - len(colours)))
    stream = io.BytesIO()
    image.save(stream, format='PNG')
    return stream.getvalue()


def class_files(out: Path, kinds: Collection[str], classes: Classes) -> list[Path]:
    """Those of the files that name the classes which exist with another content."""
    texts = _class_texts(kinds, classes)
    return [out / name for name, text in texts.items() if _differs(out / name, text)]


def write_class_files(out: Path, kinds: Collection[str], classes: Classes) -> None:
    """Write ``dataset.yaml`` and, for LabelMe, ``labels.txt`` (for ``labelme --labels``)."""
    for name, text in _class_texts(kinds, classes).items():
        write_text(out / name, text)


def _class_texts(kinds: Collection[str], classes: Classes) -> dict[str, str]:
    import yaml

    content = {
        'classes': list(classes.names),
        'palette': [list(colour) for colour in classes.palette],
        'ignore_index': classes.ignore_index,
    }
    texts = {DATASET: str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))}
    return texts | ({LABEL_LIST: labels_text(classes)} if 'labelme' in kinds else {})


def _differs(path: Path, text: str) -> bool:
    return path.exists() and (not path.is_file() or path.read_bytes() != text.encode())
