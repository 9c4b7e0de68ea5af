"""The whole analysis: its numbers fit each other, and it runs on any data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.analysis import Settings, analyze, object_dice
from mmseg_ext.evaluation.errors.causes import CAUSES
from mmseg_ext.evaluation.errors.result_dir import open_result
from mmseg_ext.evaluation.errors.summary import summarize_errors
from mmseg_ext.evaluation.errors.tables import error_tables
from mmseg_ext.evaluation.scores import scores_from_confusion

FAST: dict[str, Any] = {'resamples': 50, 'permutations': 19}


def summary_of(folder: Path, **settings: Any) -> dict[str, Any]:
    summary = summarize_errors(analyze(open_result(folder), Settings(**FAST, **settings)), ['tool', 'x'])
    return json.loads(json.dumps(summary, allow_nan=False))


@pytest.fixture(scope='module')
def masks(scenes: ModuleType) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return scenes.random_masks(14, 3)


@pytest.fixture(scope='module')
def folder(scenes: ModuleType, masks: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.write_result(tmp_path_factory.mktemp('errors'), masks, 3)


@pytest.fixture(scope='module')
def summary(folder: Path) -> dict[str, Any]:
    return summary_of(folder)


def test_the_numbers_fit_the_masks_and_each_other(summary: dict[str, Any], masks: Any) -> None:
    total = sum(confusion_matrix(prediction, truth, 3) for truth, prediction in masks.values())
    wrong = int(total.sum() - np.trace(total))
    assert summary['scores']['wrong_pixels'] == wrong == sum(entry['pixels'] for entry in summary['causes'])
    assert summary['scores']['mDice']['value'] == pytest.approx(100 * scores_from_confusion(total)['mDice'], abs=1e-5)
    assert [entry['cause'] for entry in summary['causes']] == list(CAUSES)
    for image, (truth, prediction) in zip(summary['images'], masks.values(), strict=True):
        assert image['wrong_pixels'] == int((truth != prediction).sum()) == sum(image['causes'].values())
        counts = confusion_matrix(prediction, truth, 3)
        assert image['object_dice'] == pytest.approx(100 * object_dice(counts, 0), abs=1e-5)
    classes = [entry for entry in summary['slices'] if entry['feature'] == 'class']
    assert sum(entry['objects'] for entry in classes) == summary['result']['objects']
    assert sum(sum(entry['true'].values()) for entry in summary['objects']['classes'].values()) == sum(
        entry['objects'] for entry in classes
    )
    bins = summary['calibration']['bins']
    assert sum(entry['pixels'] for entry in bins) == total.sum()
    assert summary['calibration']['accuracy'] == pytest.approx(100 * np.trace(total) / total.sum())
    assert summary['calibration']['mean_confidence'] == pytest.approx(90, abs=0.3)


def test_equal_settings_give_equal_numbers(summary: dict[str, Any], folder: Path) -> None:
    assert summary_of(folder) == summary
    assert summary_of(folder, seed=1) != summary


def test_tables_hold_the_numbers(summary: dict[str, Any]) -> None:
    tables = error_tables(summary)
    assert set(tables) == {
        'causes', 'slices', 'worst', 'objects', 'true', 'predicted', 'borders', 'trimap', 'calibration', 'suspects',
    }  # fmt: skip
    causes = tables['causes'].rows
    assert [row[1] for row in causes[:-1]] == sorted(
        (entry['pixels'] for entry in summary['causes']),
        key=lambda pixels: -next(entry['gain']['value'] for entry in summary['causes'] if entry['pixels'] == pixels),
    )
    assert causes[-1][1] == summary['scores']['wrong_pixels']
    for table in tables.values():
        assert 'nan' not in table.markdown()
        assert table.csv().count('\n') == len(table.rows) + 1


def test_without_probabilities(folder: Path, scenes: ModuleType, masks: Any, tmp_path: Path) -> None:
    summary = summary_of(scenes.write_result(tmp_path, masks, 3, probabilities=False))
    assert summary['calibration'] is None
    assert summary['label_suspects'] is None
    assert summary['images'][0]['confidence'] is None
    assert not {'calibration', 'suspects'} & set(error_tables(summary))


@pytest.mark.parametrize(('classes', 'background'), [(2, 0), (2, None), (20, 0), (20, 7), (20, None), (1, None)])
def test_any_number_of_classes(classes: int, background: int | None, scenes: ModuleType, tmp_path: Path) -> None:
    masks = scenes.random_masks(5, classes)
    for truth, _ in masks.values():
        truth[:3, :3] = 200
    summary = summary_of(scenes.write_result(tmp_path, masks, classes, ignore_index=200), background=background)
    wrong = sum(int(((t != p) & (t != 200)).sum()) for t, p in masks.values())
    assert sum(entry['pixels'] for entry in summary['causes']) == wrong
    assert len(summary['objects']['classes']) == classes - (background is not None)
    assert all(table.rows for name, table in error_tables(summary).items() if name not in ('worst', 'suspects'))


def extremes(scenes: ModuleType) -> Iterator[dict[str, tuple[np.ndarray, np.ndarray]]]:
    truth = scenes.blobs(np.random.default_rng(0), (24, 24), 3)
    nothing, ignored = np.zeros_like(truth), np.full_like(truth, 255)
    yield {'perfect': (truth, truth)}
    yield {'nothing there': (nothing, nothing)}
    yield {'nothing found': (truth, nothing)}
    yield {'all invented': (nothing, truth)}
    yield {'all ignored': (ignored, truth)}


@pytest.mark.parametrize('number', range(5))
def test_extremes(number: int, scenes: ModuleType, tmp_path: Path) -> None:
    masks = list(extremes(scenes))[number]
    summary = summary_of(scenes.write_result(tmp_path, masks, 3))
    truth, prediction = next(iter(masks.values()))
    wrong = int(((truth != prediction) & (truth != 255)).sum())
    found = {entry['cause']: entry['pixels'] for entry in summary['causes'] if entry['pixels']}
    expected = {'nothing found': 'missed object', 'all invented': 'background hallucination'}
    assert found == ({expected[next(iter(masks))]: wrong} if wrong else {})
    assert error_tables(summary)


def test_the_keys_of_the_file_are_documented(summary: dict[str, Any], repo_root: Path) -> None:
    text = (repo_root / 'docs/error-analysis.md').read_text(encoding='utf-8')
    documented = set(re.findall(r'`([a-zA-Z_0-9]+)`', text.partition('## errors.json')[2]))

    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, content in value.items():
                yield key
                yield from keys(content)
        elif isinstance(value, list) and value:
            yield from keys(value[0])

    names = {*summary['result']['classes'], *CAUSES}
    outcomes = {
        outcome
        for entry in summary['objects']['classes'].values()
        for side in ('true', 'predicted')
        for outcome in entry[side]
    }
    assert set(keys(summary)) - names - outcomes - documented == set()


def test_the_seed_reaches_the_intervals_of_the_scores(folder: Path, summary: dict[str, Any]) -> None:
    other = summary_of(folder, seed=Settings().seed + 1)
    for find in (lambda one: one['scores']['mDice'], lambda one: one['borders']['trimap'][2]['mDice']):
        mine, theirs = find(summary), find(other)
        assert mine['value'] == theirs['value']
        assert (mine['low'], mine['high']) != (theirs['low'], theirs['high'])
