from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.errors.result_dir import open_result


@pytest.fixture
def result(scenes: ModuleType, tmp_path: Path) -> Path:
    return scenes.write_result(tmp_path, scenes.random_masks(2, 3, 24), 3)


def test_everything_is_read(result: Path, scenes: ModuleType) -> None:
    opened = open_result(result)
    assert (len(opened), opened.has_probabilities, opened.classes.names[0]) == (2, True, 'background')
    truth, prediction = scenes.random_masks(2, 3, 24)['i01']
    case = list(opened)[1]
    assert case.stem == 'i01'
    np.testing.assert_array_equal(case.truth, truth)
    np.testing.assert_array_equal(case.prediction, prediction)
    np.testing.assert_array_equal(case.image, np.asarray(Image.open(opened.images[1])))
    np.testing.assert_array_equal(case.probabilities.argmax(0), prediction)
    assert case.luma.shape == truth.shape


def test_data_that_has_moved(result: Path, tmp_path: Path) -> None:
    (tmp_path / 'data').rename(tmp_path / 'elsewhere')
    with pytest.raises(InputError, match='`data`'):
        open_result(result)
    assert len(list(open_result(result, tmp_path / 'elsewhere'))) == 2
    with pytest.raises(InputError, match='folder not found'):
        open_result(result, tmp_path / 'nowhere')


def test_a_result_without_probabilities(result: Path) -> None:
    shutil.rmtree(result / 'probabilities')
    opened = open_result(result)
    assert not opened.has_probabilities
    assert next(iter(opened)).probabilities is None


def spoil_metrics(result: Path) -> None:
    (result / 'metrics.json').unlink()


def spoil_scores(result: Path) -> None:
    (result / 'metrics.json').write_text('{"split": "test"}')


def spoil_json(result: Path) -> None:
    (result / 'metrics.json').write_text('{')


def spoil_records(result: Path) -> None:
    (result / 'records.parquet').write_bytes(b'PAR1')


def lengthen_stem(result: Path) -> None:
    path = result / 'records.parquet'
    table = pq.read_table(path)
    place = table.column_names.index('stem')
    stems = pa.array(['a' * 300, *table['stem'].to_pylist()[1:]])  # longer than a file system allows
    pq.write_table(table.set_column(place, table.schema.field('stem'), stems), path)


def spoil_prediction(result: Path) -> None:
    (result / 'masks/i01.png').write_bytes((result / 'masks/i01.png').read_bytes()[:60])


def spoil_class(result: Path) -> None:
    Image.fromarray(np.full((24, 24), 7, np.uint8)).save(result / 'masks/i01.png')


def spoil_size(result: Path) -> None:
    Image.fromarray(np.zeros((24, 20), np.uint8)).save(result / 'masks/i01.png')


def spoil_label(result: Path) -> None:
    Image.fromarray(np.zeros((24, 24), np.uint8)).save(result.parent / 'data/labels/val/i01.png')


def spoil_image(result: Path) -> None:
    (result.parent / 'data/img/val/i00.png').write_bytes(b'no image')


def spoil_missing(result: Path) -> None:
    (result.parent / 'data/img/val/i00.png').unlink()


def spoil_yaml(result: Path) -> None:
    path = result.parent / 'data/dataset.yaml'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'classes': ['a', 'b', 'c']}))


def spoil_probabilities(result: Path) -> None:
    (result / 'probabilities/i01.npz').write_bytes(b'PK')


def drop_probabilities(result: Path) -> None:
    (result / 'probabilities/i01.npz').unlink()


def shrink_probabilities(result: Path) -> None:
    np.savez(result / 'probabilities/i01.npz', probabilities=np.full((3, 4, 4), 85, np.uint8))


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (spoil_metrics, ['is not a result folder']),
        (spoil_scores, ['has predictions only']),
        (spoil_json, ['metrics.json', 'cannot be read']),
        (spoil_records, ['records.parquet']),
        (lengthen_stem, ['lacks aaa']),
        (spoil_prediction, ['i01.png', 'cannot be read']),
        (spoil_class, ['i01.png', 'class 7']),
        (spoil_size, ['i01.png', '20×24']),
        (spoil_label, ['labels/val/i01.png', 'scored']),
        (spoil_image, ['i00.png', 'cannot be decoded']),
        (spoil_missing, ['i00.png', 'not found', '`data`']),
        (spoil_yaml, ['dataset.yaml', 'a, b, c']),
        (spoil_probabilities, ['i01.npz', 'cannot be read']),
        (drop_probabilities, ['lacks i01.npz']),
        (shrink_probabilities, ['i01.npz', '(3, 24, 24)']),
    ],
)
def test_what_is_wrong_is_named(result: Path, spoil: Callable[[Path], None], words: list[str]) -> None:
    spoil(result)
    with pytest.raises(InputError) as caught:
        list(open_result(result))
    assert '\n' not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
