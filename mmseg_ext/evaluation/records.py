"""Records: a Parquet file with the confusion counts of each image.

One row per image:

| column | type | content |
| --- | --- | --- |
| stem | string | file name of the image without its suffix |
| split | string | train, val, test |
| image | string | path of the image |
| label | string, may be null | path of the mask |
| height, width | int32 | size in pixels |
| counts | list of K·K int64 | confusion matrix by rows (true class), then columns (predicted class) |

Other columns may follow. The file's metadata holds the class names as a JSON list under ``classes``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.evaluation.confusion import Counts
from mmseg_ext.files import atomic_path
from mmseg_ext.reading import parse_json

COLUMNS = ('stem', 'split', 'image', 'label', 'height', 'width', 'counts')
CLASSES_KEY = b'classes'
WRITE_AGAIN = 'write it again with mmseg-ext test'


@dataclass(frozen=True)
class ImageRecord:
    """Confusion counts of one image, with its files and size.

    Attributes:
        stem: File name without suffix.
        split: Name of its split.
        image: Path of the image.
        label: Path of its mask, if known.
        height: Pixels.
        width: Pixels.
        counts: Confusion matrix, shape (K, K), int64, rows true and columns predicted classes.
    """

    stem: str
    split: str
    image: str
    label: str | None
    height: int
    width: int
    counts: Counts


@dataclass(frozen=True)
class Records:
    """Records of one file, by column.

    Attributes:
        classes: The K class names.
        stems: N file names without suffix.
        splits: N split names.
        images: N image paths.
        labels: N mask paths or None.
        sizes: Heights and widths, shape (N, 2), int64.
        confusion: Shape (N, K, K), int64, rows true and columns predicted classes.
        extra: Other columns, N values each.
    """

    classes: tuple[str, ...]
    stems: list[str]
    splits: list[str]
    images: list[str]
    labels: list[str | None]
    sizes: NDArray[np.int64]
    confusion: Counts
    extra: dict[str, list[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.stems)


def write_records(
    path: str | Path,
    rows: Sequence[ImageRecord],
    classes: Sequence[str],
    extra: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """Write records atomically.

    Args:
        path: The Parquet file.
        rows: N records.
        classes: The K class names.
        extra: Further columns, N values each.

    Raises:
        InputError: The file cannot be written.
        ValueError: Counts are not (K, K), or an extra column has another length or the name of a schema column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    size = len(classes) ** 2
    if any(row.counts.shape != (len(classes), len(classes)) for row in rows):
        raise ValueError(f'counts must be {(len(classes), len(classes))} for the classes {list(classes)}')
    counts = np.array([row.counts for row in rows], dtype=np.int64).reshape(-1)
    columns: dict[str, Any] = {
        'stem': pa.array([row.stem for row in rows], pa.string()),
        'split': pa.array([row.split for row in rows], pa.string()),
        'image': pa.array([row.image for row in rows], pa.string()),
        'label': pa.array([row.label for row in rows], pa.string()),
        'height': pa.array([row.height for row in rows], pa.int32()),
        'width': pa.array([row.width for row in rows], pa.int32()),
        'counts': pa.FixedSizeListArray.from_arrays(pa.array(counts), size),
    }
    for name, values in (extra or {}).items():
        if name in columns or len(values) != len(rows):
            raise ValueError(f'extra column {name!r}: must have {len(rows)} values and a name that is not taken')
        columns[name] = pa.array(list(values))
    table = pa.table(columns).replace_schema_metadata({CLASSES_KEY: json.dumps(list(classes)).encode()})
    with atomic_path(path) as temporary:
        parquet.write_table(table, temporary)


def read_records(path: str | Path) -> Records:
    """Read records.

    Raises:
        InputError: The file is missing, is not a Parquet file, or lacks a column or the class names.
    """
    import pyarrow as pa
    from pyarrow import parquet

    path = Path(path)
    if not path.is_file():
        raise InputError(path, 'records not found', 'mmseg-ext train and mmseg-ext test write them')
    try:
        table = parquet.read_table(path)
        return _from_table(path, table)
    except InputError:
        raise
    except (pa.ArrowException, OSError, MemoryError, ValueError, TypeError, OverflowError) as error:
        raise InputError(path, f'cannot be read as Parquet ({one_line(error)[:300]})', WRITE_AGAIN) from error


def _from_table(path: Path, table: Any) -> Records:
    """Check the columns of a table; only conversion reveals text that is not UTF-8."""
    import pyarrow as pa

    missing = [name for name in COLUMNS if name not in table.column_names]
    classes = _class_names(table.schema.metadata or {})
    if missing or classes is None:
        lacking = ', '.join(missing) or 'the class names in its metadata'
        raise InputError(path, f'is not a records file, it lacks {lacking}', WRITE_AGAIN)
    kind = table.schema.field('counts').type
    if kind != pa.list_(pa.int64(), len(classes) ** 2):
        raise InputError(path, f'column counts is {kind}, expected {len(classes) ** 2} int64', WRITE_AGAIN)
    absent = [name for name in COLUMNS if name != 'label' and table[name].null_count]
    if absent:
        raise InputError(path, f'column {absent[0]} lacks values', WRITE_AGAIN)
    counts = table['counts'].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    if len(counts) != len(table) * len(classes) ** 2 or (counts < 0).any():
        raise InputError(path, 'column counts holds numbers below 0, or too few', WRITE_AGAIN)
    for name in ('stem', 'split', 'image', 'label'):
        if table.schema.field(name).type != pa.string():
            raise InputError(path, f'column {name} holds no text', WRITE_AGAIN)
    return Records(
        classes=classes,
        stems=table['stem'].to_pylist(),
        splits=table['split'].to_pylist(),
        images=table['image'].to_pylist(),
        labels=table['label'].to_pylist(),
        sizes=np.stack([table[name].to_numpy().astype(np.int64) for name in ('height', 'width')], axis=-1),
        confusion=counts.reshape(-1, len(classes), len(classes)).copy(),
        extra={name: table[name].to_pylist() for name in table.column_names if name not in COLUMNS},
    )


def _class_names(metadata: Mapping[bytes, bytes]) -> tuple[str, ...] | None:
    try:
        names = parse_json(metadata[CLASSES_KEY])
    except (KeyError, ValueError):
        return None
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None
