from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.eda.statistics import (
    area_figure,
    balance_figure,
    collect_statistics,
    drift_figure,
    light_figure,
    make_tables,
    measure_drift,
    position_figure,
    write_report,
)
from mmseg_ext.eda.statistics.report import FILES
from mmseg_ext.errors import InputError


@pytest.fixture
def report(write_set: Callable[..., Path]) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    masks: dict[str, dict[str, np.ndarray]] = {'train': {}, 'val': {}}
    for split, files in masks.items():
        for number in range(4):
            files[f'{split}{number}'] = mask = np.zeros((24, 24), np.uint8)
            mask[4 : 9 + number, 4:12] = 1
            if split == 'train':
                mask[14:20, 14 : 18 + number] = 2
    images = {split: {stem: rng.integers(0, 255, (24, 24)) for stem in files} for split, files in masks.items()}
    statistics = collect_statistics(write_set(masks, images))
    drifts = measure_drift(statistics)
    return statistics, make_tables(statistics, drifts=drifts), drifts


def test_the_folder_holds_page_tables_and_figures(
    report: tuple[Any, Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(  # drawing is slow, and done by the test of the tool
        'mmseg_ext.eda.statistics.report.save_figure', lambda figure, path: path.write_text(figure.axes[0].get_xlabel())
    )
    out = tmp_path / 'out'
    page = write_report(out, *report)
    assert page == out / 'statistics.md'
    assert {path.name for path in out.iterdir()} == FILES
    text = page.read_text(encoding='utf-8')
    for name, table in report[1].items():
        assert table.markdown() in text
        assert (out / f'{name}.csv').read_text(encoding='utf-8') == table.csv()
    linked = [line.split('(')[-1].rstrip(')') for line in text.splitlines() if line.startswith('![')]
    assert linked == ['balance.png', 'area.png', 'light.png', 'position.png', 'drift.png']
    with pytest.raises(InputError, match='`overwrite=True`'):
        write_report(out, *report)
    assert (out / 'light.svg').read_text() == 'brightness of the background'
    for path in out.iterdir():
        path.write_text('old')
    with monkeypatch.context() as patch:
        patch.setattr('mmseg_ext.eda.statistics.report.save_figure', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_report(out, *report, overwrite=True)
    assert {path.read_text() for path in out.iterdir()} == {'old'}
    write_report(out, *report, overwrite=True)
    assert page.read_text(encoding='utf-8') == text


def test_a_folder_with_other_files_is_left_alone(report: tuple[Any, Any, Any], tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'notes.txt').write_text('mine')
    with pytest.raises(InputError, match=r'notes\.txt'):
        write_report(tmp_path / 'out', *report, overwrite=True)
    with pytest.raises(InputError, match='is a file'):
        write_report(tmp_path / 'out' / 'notes.txt', *report)


def test_the_figures_show_the_numbers(report: tuple[Any, Any, Any]) -> None:
    statistics, _, drifts = report
    texts = {text.get_text() for axes in balance_figure(statistics).axes for text in axes.texts}
    assert {'100', '0', '1'} <= texts  # images % of both classes and splits, objects per image
    curves = area_figure(statistics).axes[0].lines
    assert [line.get_label() for line in curves] == ['cat, train', 'cat, val', 'dog, train']
    cats = [row for row in statistics.objects if (row.split, row.class_index) == ('train', 1)]
    areas = sorted(row.area for row in cats)
    np.testing.assert_allclose(curves[0].get_xdata(), [areas[0], *areas])
    np.testing.assert_allclose(curves[0].get_ydata(), [0, 0.25, 0.5, 0.75, 1])
    points = light_figure(statistics).axes[0].collections[0].get_offsets()
    np.testing.assert_allclose(
        points, [(row.background, row.brightness) for row in cats]
    )  # fmt: skip
    panels = position_figure(statistics).axes
    assert [panel.get_title(loc='left') for panel in panels[:4]] == ['cat, train', 'cat, val', 'dog, train', 'dog, val']
    np.testing.assert_allclose(panels[0].images[0].get_array(), 100 * statistics.positions['train', 1])
    assert [text.get_text() for text in panels[3].texts] == ['none']
    axes = drift_figure(statistics, drifts).axes[0]
    assert len(axes.get_yticklabels()) == len(drifts)
    names = [label.get_text() for label in axes.get_yticklabels()]
    classes = statistics.classes.names
    distances = {
        f'{"" if drift.class_index is None else classes[drift.class_index] + ": "}{drift.quantity}': drift.distance
        for drift in drifts
    }
    assert [distances[name] for name in names] == sorted(drift.distance for drift in drifts)
