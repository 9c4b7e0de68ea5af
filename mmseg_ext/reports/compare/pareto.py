"""Which runs nothing beats at their cost."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """The points that no other point dominates: costs at most as much, is worth as much, and is better in one of both.

    Args:
        costs: Less is better (minutes, parameters).
        values: More is better (mDice).

    Returns:
        Positions of the points, from the cheapest to the dearest; equal points are all there.
    """
    order = sorted(range(len(costs)), key=lambda point: (costs[point], -values[point]))
    front: list[int] = []
    for point in order:
        last = front[-1] if front else None
        if last is None or values[point] > values[last] or (costs[point], values[point]) == (costs[last], values[last]):
            front.append(point)
    return front
