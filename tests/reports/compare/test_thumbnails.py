from __future__ import annotations

import base64
import io
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.evaluation.records import ImageRecord, read_records, write_records
from mmseg_ext.reports.compare.comparison import compare_runs
from mmseg_ext.reports.compare.thumbnails import make_thumbnails
from mmseg_ext.runs.reading import read_runs


@pytest.fixture
def folder(make_run: Any, tmp_path: Path) -> Path:
    for number, wrong in enumerate((0.02, 0.2)):
        make_run(tmp_path / f'r{number}', wrong=wrong, tested=True)
    make_run(tmp_path / 'untested', wrong=0.1)
    return tmp_path


def test_image_ground_truth_and_masks(folder: Path) -> None:
    (paired_set,) = compare_runs(read_runs([folder])).paired_sets
    thumbnails = make_thumbnails(paired_set)
    assert sorted(thumbnails.images) == list(range(8))
    assert (thumbnails.total, thumbnails.unreadable) == (8, 0)
    thumbnail = thumbnails.images[0]
    assert thumbnail['image'].startswith('data:image/jpeg;base64,')
    assert (thumbnail['width'], thumbnail['height']) == (32, 32)
    assert sorted(thumbnail['masks']) == [0, 1]
    assert pixels(thumbnail['truth']) == {(0, 0, 0, 0), (200, 60, 60, 255)}  # a cat on a transparent background
    assert len(pixels(thumbnail['masks'][1])) == 3


def test_the_budget_is_spent_on_what_differs_most(folder: Path) -> None:
    (paired_set,) = compare_runs(read_runs([folder])).paired_sets
    everything = make_thumbnails(paired_set)
    half = make_thumbnails(paired_set, everything.size // 2)
    assert half.size <= everything.size // 2
    assert 2 <= len(half.images) <= 5
    scores = paired_set.image_scores()
    ranked = np.argsort(scores.min(0) - scores.max(0))
    assert set(half.images) == set(ranked[: len(half.images)].tolist())
    assert make_thumbnails(paired_set, 0).images == {}


def test_images_that_are_gone(folder: Path, pets: Any) -> None:
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
    (paired_set,) = compare_runs(read_runs([folder])).paired_sets
    thumbnails = make_thumbnails(paired_set)
    assert (len(thumbnails.images), thumbnails.unreadable) == (7, 1)
    assert all(list(thumbnail['masks']) == [0] for thumbnail in thumbnails.images.values())


def test_no_masks_no_thumbnails(folder: Path) -> None:
    (paired_set,) = compare_runs(read_runs([folder])).paired_sets
    bare = replace(paired_set, evaluations=[replace(evaluation, masks=None) for evaluation in paired_set.evaluations])
    assert make_thumbnails(bare).total == 0


def pixels(uri: str) -> set[tuple[int, ...]]:
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(',')[2])))
    assert picture.mode == 'P'
    return {colour for _, colour in picture.convert('RGBA').getcolors() or []}  # type: ignore[misc]
