from __future__ import annotations

import math
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.runs.scalars import best_point, points_of, read_scalars, sample_training


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / 'scalars.json'
    path.write_text('{"iter": 1, "a": 2}\n{"iter": 2')
    assert read_scalars(path) == [{'iter': 1, 'a': 2}]
    path.write_text('{"iter": 1}\n[]\n{"iter": 2}\n')
    with pytest.raises(InputError, match='line 2'):
        read_scalars(path)
    with pytest.raises(InputError, match='cannot be read'):
        read_scalars(tmp_path / 'none.json')


@pytest.mark.parametrize(
    'line', [b'\0\0\0', b'{"iter": 2, "\xff": 1}', b'{"iter": "2"}', b'{"iter": 2, "a": "x"}', b'[' * 100_000,
             b'{"iter": 2, "a": 1%s}' % (b'0' * 400), b'{"iter": 1e99}', b'{"iter": -1}'],
)  # fmt: skip
def test_an_odd_line_costs_only_itself(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / 'scalars.json'
    path.write_bytes(b'{"iter": 1}\n%s\n{"iter": 3, "a": NaN}\n' % line)
    faults: list[str] = []
    assert [row['iter'] for row in read_scalars(path, faults)] == [1, 3]
    assert faults == ['scalars.json, line 2: not a JSON object with an "iter", left out']


def test_points_are_numbers_only() -> None:
    rows = [{'iter': 1, 'a': 2.0}, {'iter': 2}, {'iter': 3, 'a': None}, {'iter': 4, 'a': 1}, {'iter': 5, 'a': 'text'}]
    assert points_of(rows, 'a') == [(1, 2.0), (4, 1)]


def test_the_best_point_is_the_first_of_equal_ones() -> None:
    points = [(1, math.nan), (2, 3.0), (3, 1.0), (4, 3.0), (5, 1.0), (6, math.inf), (7, -math.inf)]
    assert best_point(points) == (2, 3.0)
    assert best_point(points, greater_is_better=False) == (3, 1.0)
    assert best_point([]) is None
    assert best_point(points[:1]) is None


class Buffer:
    """Stands for mmengine's ``HistoryBuffer``."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def current(self) -> float:
        return self.values[-1]

    def mean(self, window: int) -> float:
        return sum(self.values[-window:]) / window


def test_training_is_sampled_at_each_interval_and_at_the_end() -> None:
    history = {'train/loss': Buffer(8.0, 3.0, 1.0), 'train/lr': Buffer(0.3, 0.2, 0.1), 'val/mDice': Buffer(50.0)}
    assert sample_training(history, 10, 2, 99) == {'train/loss': 2.0, 'train/lr': 0.1}
    assert sample_training(history, 11, 2, 11) is not None
    assert sample_training(history, 11, 2, 99) is None
