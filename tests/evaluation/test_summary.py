"""Scores of counts that can be worked out by hand, as numbers and as a table."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.records import Records
from mmseg_ext.evaluation.scores import CLASS_SCORES
from mmseg_ext.evaluation.summary import summarize, summary_table

MakeRecords = Callable[..., Records]


@pytest.fixture
def make_records() -> MakeRecords:
    def make(*counts: list[list[int]], classes: tuple[str, ...] = ('background', 'cat', 'dog')) -> Records:
        n = len(counts)
        confusion = np.array(counts, dtype=np.int64).reshape(n, len(classes), len(classes))
        names = [str(number) for number in range(n)]
        return Records(classes, names, ['val'] * n, names, [None] * n, np.full((n, 2), 4), confusion)

    return make


def rendered(summary: dict[str, Any], title: str = 'title') -> str:
    stream = io.StringIO()
    Console(file=stream, width=110).print(summary_table(summary, title))
    return stream.getvalue()


# Rows true, columns predicted. Dog stands nowhere.
FIRST = [[90, 10, 0], [0, 20, 0], [0, 0, 0]]
SECOND = [[70, 10, 0], [20, 20, 0], [0, 0, 0]]


def test_the_scores_are_those_of_all_pixels_together(make_records: MakeRecords) -> None:
    summary = summarize(make_records(FIRST, SECOND), resamples=50)
    assert (summary['images'], summary['resamples']) == (2, 50)
    assert list(summary['classes']) == ['background', 'cat', 'dog']
    # background: TP 160, FP 20, FN 20; cat: TP 40, FP 20, FN 20.
    background, cat, dog = (summary['classes'][name] for name in ('background', 'cat', 'dog'))
    assert background['Dice']['value'] == pytest.approx(100 * 320 / 360, abs=1e-4)
    assert background['IoU']['value'] == 80.0
    assert cat['Dice']['value'] == pytest.approx(100 * 80 / 120, abs=1e-4)
    assert (cat['IoU']['value'], cat['Acc']['value']) == (50.0, pytest.approx(100 * 40 / 60, abs=1e-4))
    assert dog == {name: {'value': None, 'low': None, 'high': None} for name in CLASS_SCORES}
    assert summary['mIoU']['value'] == 65.0  # over the classes that are there
    assert summary['aAcc']['value'] == pytest.approx(100 * 200 / 240, abs=1e-4)


def test_the_interval_spans_the_images_and_holds_the_value(make_records: MakeRecords) -> None:
    entry = summarize(make_records(FIRST, SECOND))['classes']['cat']['IoU']
    # Of two images a resample draws one twice in half of the cases: TP/(TP+FP+FN) of 20/50 and 20/30.
    assert (entry['low'], entry['high']) == (40.0, pytest.approx(100 * 20 / 30, abs=1e-4))
    entry = summarize(make_records(FIRST))['classes']['cat']['IoU']
    assert entry['low'] == entry['value'] == entry['high']


def test_the_seed_decides_the_interval(make_records: MakeRecords) -> None:
    rng = np.random.default_rng(0)
    records = make_records(*rng.integers(0, 100, (30, 3, 3)).tolist())
    first, again, other = (summarize(records, resamples=100, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first['mDice']['value'] == other['mDice']['value']
    assert first['mDice'] != other['mDice']


def test_it_can_be_written_as_json(make_records: MakeRecords) -> None:
    summary = summarize(make_records(FIRST, SECOND), resamples=10)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_without_records_there_is_no_score(make_records: MakeRecords) -> None:
    with pytest.raises(InputError, match='no images'):
        summarize(make_records())


def test_the_table_shows_classes_intervals_and_means(make_records: MakeRecords) -> None:
    text = rendered(summarize(make_records(FIRST, SECOND)), 'val (2 images)')
    lines = [' '.join(line.split()) for line in text.splitlines() if line.strip()]
    assert lines[0] == 'val (2 images)'
    assert lines[1] == 'class Dice % (95 % interval) IoU % (95 % interval) Acc % (95 % interval)'
    assert 'cat 66.67 (57.14–80.00) 50.00 (40.00–66.67) 66.67 (50.00–100.00)' in lines
    assert 'dog absent absent absent' in lines
    assert lines[-1].startswith('mean 77.78 (')


def test_a_score_that_does_not_exist_is_a_dash(make_records: MakeRecords) -> None:
    predicted_only = [[3, 1, 0], [0, 0, 0], [0, 0, 0]]  # cat is predicted but nowhere true: Dice 0, no Acc
    lines = rendered(summarize(make_records(predicted_only))).splitlines()
    cat = next(line for line in lines if line.split()[:1] == ['cat'])
    assert cat.split() == ['cat', '0.00', '(0.00–0.00)', '0.00', '(0.00–0.00)', '-']


def test_class_names_are_no_markup(make_records: MakeRecords) -> None:
    records = make_records([[4, 0], [0, 4]], classes=('[red]', 'b'))
    assert '[red]' in rendered(summarize(records, resamples=5), '[blue] split')
    assert '[blue] split' in rendered(summarize(records, resamples=5), '[blue] split')
