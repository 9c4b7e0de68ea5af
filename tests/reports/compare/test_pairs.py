from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.evaluation.bootstrap import paired_test
from mmseg_ext.evaluation.records import ImageRecord, Records, read_records, write_records
from mmseg_ext.reports.compare.comparison import compare
from mmseg_ext.reports.compare.pairs import paired_sets
from mmseg_ext.reports.compare.pictures import make_pictures
from mmseg_ext.runs.reading import read_runs
from mmseg_ext.runs.record import Evaluation, RunRecord


def records(matrices: dict[str, list[list[int]]], classes: tuple[str, ...] = ('ground', 'cat')) -> Records:
    stems = list(matrices)
    nothing = [''] * len(stems)
    return Records(
        classes, stems, ['val'] * len(stems), nothing, [None] * len(stems), np.zeros((len(stems), 2), np.int64),
        np.array(list(matrices.values()), dtype=np.int64),
    )  # fmt: skip


def run(name: str, content: Records) -> RunRecord:
    return RunRecord(name, evaluations=(Evaluation('val', False, None, None, {}, records=content),))


def test_images_are_paired_by_their_names() -> None:
    first = records({'a': [[8, 2], [1, 9]], 'b': [[10, 0], [0, 0]]})
    second = records({'b': [[5, 5], [0, 0]], 'a': [[10, 0], [0, 10]]})
    (one,) = paired_sets(compare([run('x', first), run('y', second)]))
    assert one.stems == ['a', 'b']
    assert one.entries == [('x', 'val'), ('y', 'val')]
    np.testing.assert_allclose(one.dice[0, 0], [16 / 19, 18 / 21])
    np.testing.assert_allclose(one.dice[1], [[1, 1], [10 / 15, 0]])
    assert one.dice[0, 1, 0] == 1
    assert np.isnan(one.dice[0, 1, 1])
    np.testing.assert_allclose(one.image_scores()[:, 1], [1, 1 / 3])
    expected = paired_test(first.confusion, second.confusion[::-1], resamples=one.resamples)
    assert one.tests[0, 1] == expected


@pytest.mark.parametrize(
    'other',
    [
        records({'a': [[8, 2], [1, 9]]}),  # an image less
        records({'a': [[8, 2], [1, 9]], 'c': [[10, 0], [0, 0]]}),  # another image
        records({'a': [[7, 2], [2, 9]], 'b': [[10, 0], [0, 0]]}),  # a pixel that is a cat in another label set
        records({'a': [[8, 2], [1, 9]], 'b': [[10, 0], [0, 0]]}, ('ground', 'dog')),
    ],
)
def test_another_truth_is_not_paired(other: Records) -> None:
    first = records({'a': [[8, 2], [1, 9]], 'b': [[10, 0], [0, 0]]})
    assert [len(one.entries) for one in paired_sets(compare([run('x', first), run('y', other)]))] == [1, 1]


def test_the_largest_set_comes_first() -> None:
    small, large = records({'a': [[1, 0], [0, 1]]}), records({'b': [[1, 0], [0, 1]]})
    sets = paired_sets(compare([run('x', small), run('y', large), run('z', large)]))
    assert [one.entries for one in sets] == [[('y', 'val'), ('z', 'val')], [('x', 'val')]]


class TestPictures:
    @pytest.fixture
    def folder(self, make_run: Any, tmp_path: Path) -> Path:
        for number, wrong in enumerate((0.02, 0.2)):
            make_run(tmp_path / f'r{number}', wrong=wrong, tested=True)
        make_run(tmp_path / 'untested', wrong=0.1)
        return tmp_path

    def test_photograph_truth_and_masks(self, folder: Path) -> None:
        (one,) = paired_sets(compare(read_runs([folder])))
        pictures = make_pictures(one)
        assert sorted(pictures.images) == list(range(8))
        assert (pictures.total, pictures.missing) == (8, 0)
        picture = pictures.images[0]
        assert picture['photo'].startswith('data:image/jpeg;base64,')
        assert (picture['width'], picture['height']) == (32, 32)
        assert sorted(picture['masks']) == [0, 1]
        assert pixels(picture['truth']) == {(0, 0, 0, 0), (200, 60, 60, 255)}  # a cat on what is transparent
        assert len(pixels(picture['masks'][1])) == 3

    def test_the_budget_is_spent_on_what_differs_most(self, folder: Path) -> None:
        (one,) = paired_sets(compare(read_runs([folder])))
        everything = make_pictures(one)
        half = make_pictures(one, everything.size // 2)
        assert half.size <= everything.size // 2
        assert 2 <= len(half.images) <= 5
        scores = one.image_scores()
        ranked = np.argsort(scores.min(0) - scores.max(0))
        assert set(half.images) == set(ranked[: len(half.images)].tolist())
        assert make_pictures(one, 0).images == {}

    def test_images_that_are_gone(self, folder: Path, pets: Any) -> None:
        path = folder / 'r0' / 'val' / 'records.parquet'
        content = read_records(path)
        rows = [
            ImageRecord(stem, 'val', image if n else '/nowhere/img/val/x.png', label, 32, 32, counts)
            for n, (stem, image, label, counts) in enumerate(
                zip(content.stems, content.images, content.labels, content.confusion, strict=True)
            )
        ]
        write_records(path, rows, content.classes)
        shutil.rmtree(folder / 'r1' / 'val' / 'masks')
        (one,) = paired_sets(compare(read_runs([folder])))
        pictures = make_pictures(one)
        assert (len(pictures.images), pictures.missing) == (7, 1)
        assert all(list(picture['masks']) == [0] for picture in pictures.images.values())

    def test_no_masks_no_pictures(self, folder: Path) -> None:
        (one,) = paired_sets(compare(read_runs([folder])))
        bare = replace(one, evaluations=[replace(evaluation, masks=None) for evaluation in one.evaluations])
        assert make_pictures(bare).total == 0


def pixels(uri: str) -> set[tuple[int, ...]]:
    import base64
    import io

    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(',')[2])))
    assert picture.mode == 'P'
    return {colour for _, colour in picture.convert('RGBA').getcolors() or []}  # type: ignore[misc]
