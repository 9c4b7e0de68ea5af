from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.reports.compare.pareto import pareto_front


def test_by_hand() -> None:
    #            dear, best; cheap; beaten; same value, dearer; cheapest twice
    costs = [9.0, 2.0, 5.0, 6.0, 1.0, 1.0]
    values = [90.0, 80.0, 79.0, 80.0, 70.0, 70.0]
    assert pareto_front(costs, values) == [4, 5, 1, 0]
    assert pareto_front([], []) == []
    assert pareto_front([1.0, 1.0], [3.0, 4.0]) == [1]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_it_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    def beaten(point: tuple[int, int]) -> bool:
        return any(c <= point[0] and v >= point[1] and (c, v) != point for c, v in points)

    front = pareto_front([float(c) for c, _ in points], [float(v) for _, v in points])
    assert sorted(front) == [place for place, point in enumerate(points) if not beaten(point)]
    assert [points[place][0] for place in front] == sorted(points[place][0] for place in front)
