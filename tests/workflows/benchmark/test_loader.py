from __future__ import annotations

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.workflows.benchmark.loader import benchmark_loader


def test_the_pipelines_are_timed_in_turn() -> None:
    result = benchmark_loader(images=2, size=64, rounds=1)
    title, _, *rows = result.table.split('\n')
    assert title == '2 images to 64×64, one core, 1 rounds'
    stock, ours, _ = (float(row.split()[-3]) for row in rows)
    assert result.ratio == pytest.approx(ours / stock, rel=0.05)
