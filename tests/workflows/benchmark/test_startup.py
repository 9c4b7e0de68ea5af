from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.data import DataSet
from mmseg_ext.workflows.benchmark import startup


def test_growth_is_what_more_images_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """One second and a tenth of one an image: 5 images 1.5 s, 7 images 1.7 s."""

    def taken(config: str, data: Path, work_dir: Path) -> tuple[float, float]:
        seconds = 1 + len(DataSet(data).items('labels', ['train'])) / 10
        return seconds, 2 * seconds

    monkeypatch.setattr(startup, 'FEW_IMAGES', 5)
    monkeypatch.setattr(startup, 'ORIGINALS', 2)
    monkeypatch.setattr(startup, '_seconds_to_first_step', taken)
    result = startup.benchmark_startup(images=7, size=64, rounds=1)
    assert result.ratio == pytest.approx(1.5 / 5)
    assert result.further == {'growth': (pytest.approx(0.2 / 2), 1.0)}
    figures = [line.split() for line in result.table.split('\n')[1:]]
    assert [(row[0], row[2], row[3]) for row in figures] == [
        ('5', 'wall', '1.50'), ('7', 'wall', '1.70'), ('5', 'CPU', '3.00'), ('7', 'CPU', '3.40'),
    ]  # fmt: skip
