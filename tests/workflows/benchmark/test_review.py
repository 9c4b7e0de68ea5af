from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mmseg_ext.workflows.benchmark import review


def test_every_key_is_timed_and_the_slowest_decides(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a size at which the figures mean nothing; in a thread, since this one has a session of Playwright already."""
    monkeypatch.setattr(review, 'LIMITS_MS', {64: 10.0})
    with ThreadPoolExecutor(1) as pool:
        result = pool.submit(review.benchmark_review, 1).result()
    head, sides, *rows = result.table.splitlines()
    assert (head, sides.split()) == ('median of 1 rounds, ms from key to picture', ['64²'])
    assert [row[:20].strip() for row in rows] == list(review.KEYS.values())
    assert result.ratio == pytest.approx(max(float(row.split()[-1]) for row in rows) / 10, abs=0.01)
