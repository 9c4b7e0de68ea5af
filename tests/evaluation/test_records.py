from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.records import ImageRecord, read_records, write_records

pa = pytest.importorskip('pyarrow')
from pyarrow import parquet  # noqa: E402

CLASSES = ('background', 'Katze', '狗')


def make_rows(number: int = 3) -> list[ImageRecord]:
    rng = np.random.default_rng(0)
    return [
        ImageRecord(f's{i}', 'val', f'img/s{i}.jpg', None if i == 1 else f'l/s{i}.png', 4 + i, 9, counts)
        for i, counts in enumerate(rng.integers(0, 2**60, (number, 3, 3)))
    ]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = make_rows()
    path = tmp_path / 'deep' / 'val.parquet'
    write_records(path, rows, CLASSES, extra={'brightness': [0.5, 1.0, 1.5], 'slice': ['dark', None, 'light']})
    records = read_records(path)
    assert len(records) == 3
    assert records.classes == CLASSES
    assert records.stems == ['s0', 's1', 's2']
    assert records.splits == ['val'] * 3
    assert records.images == ['img/s0.jpg', 'img/s1.jpg', 'img/s2.jpg']
    assert records.labels == ['l/s0.png', None, 'l/s2.png']
    assert records.sizes.tolist() == [[4, 9], [5, 9], [6, 9]]
    np.testing.assert_array_equal(records.confusion, [row.counts for row in rows])
    assert records.confusion.dtype == np.int64
    assert records.extra == {'brightness': [0.5, 1.0, 1.5], 'slice': ['dark', None, 'light']}
    records.confusion[0] = 0  # not a read-only view of the file's memory


def test_the_schema_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / 'val.parquet'
    write_records(path, make_rows(), CLASSES)
    schema = parquet.read_schema(path)
    text, number = pa.string(), pa.int32()
    assert schema.names == ['stem', 'split', 'image', 'label', 'height', 'width', 'counts']
    assert schema.types == [text, text, text, text, number, number, pa.list_(pa.int64(), 9)]
    assert json.loads(schema.metadata[b'classes']) == list(CLASSES)


def test_no_images_are_no_error(tmp_path: Path) -> None:
    write_records(tmp_path / 'val.parquet', [], CLASSES)
    records = read_records(tmp_path / 'val.parquet')
    assert len(records) == 0
    assert records.confusion.shape == (0, 3, 3)


def test_more_rows_than_one_chunk(tmp_path: Path) -> None:
    path = tmp_path / 'val.parquet'
    rows = make_rows(7)
    write_records(path, rows, CLASSES)
    parquet.write_table(parquet.read_table(path), path, row_group_size=2)
    np.testing.assert_array_equal(read_records(path).confusion, [row.counts for row in rows])


def test_wrong_rows_are_refused_and_leave_no_file(tmp_path: Path) -> None:
    path = tmp_path / 'val.parquet'
    rows = make_rows(2)
    with pytest.raises(ValueError, match=r'counts must be \(2, 2\)'):
        write_records(path, rows, ['a', 'b'])
    with pytest.raises(ValueError, match="extra column 'x'"):
        write_records(path, rows, CLASSES, extra={'x': [1]})
    with pytest.raises(ValueError, match="extra column 'stem'"):
        write_records(path, rows, CLASSES, extra={'stem': ['a', 'b']})
    with pytest.raises(ValueError, match='counts must be'):
        write_records(path, [replace(rows[0], counts=np.zeros(9, np.int64))], CLASSES)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_records(tmp_path: Path) -> None:
    path = tmp_path / 'val.parquet'
    with pytest.raises(InputError, match=r'val\.parquet: records not found'):
        read_records(path)
    path.write_text('stem,split\n')
    with pytest.raises(InputError, match=r'val\.parquet: cannot be read as Parquet \(.*\); '):
        read_records(path)
    write_records(path, make_rows(), CLASSES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match='cannot be read as Parquet'):
        read_records(path)
    path.write_bytes(whole)
    table = parquet.read_table(path)
    parquet.write_table(table.drop_columns(['counts', 'width']), path)
    with pytest.raises(InputError, match='it lacks width, counts; '):
        read_records(path)
    parquet.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(InputError, match='it lacks the class names in its metadata'):
        read_records(path)
    parquet.write_table(table.replace_schema_metadata({b'classes': b'["a", "b"]'}), path)
    with pytest.raises(InputError, match=r'column counts is .*, expected 4 int64'):
        read_records(path)
    for invalid in (b'{', b'3', b'[1]'):
        parquet.write_table(table.replace_schema_metadata({b'classes': invalid}), path)
        with pytest.raises(InputError, match='class names'):
            read_records(path)
