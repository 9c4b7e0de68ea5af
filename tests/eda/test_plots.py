from __future__ import annotations

import colorsys
from itertools import pairwise
from pathlib import Path

import pytest

from mmseg_ext.eda.plots import BACKGROUND, CYCLE, RC, class_colour, class_marker, new_figure, save_figure


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_a_class_keeps_its_colour_and_the_background_takes_none_of_them() -> None:
    assert [class_colour(index) for index in range(4)] == [BACKGROUND, *CYCLE[:3]]
    assert [class_colour(index, 1) for index in range(3)] == [CYCLE[0], BACKGROUND, CYCLE[1]]
    assert [class_colour(index, None) for index in range(2)] == list(CYCLE[:2])
    assert class_colour(len(CYCLE) + 1) == CYCLE[0]
    assert class_marker(1) != class_marker(2)


def test_neighbouring_colours_differ_in_grey() -> None:
    assert all(abs(luminance(first) - luminance(second)) > 0.12 for first, second in pairwise(CYCLE))
    red, green, blue = (int(BACKGROUND[i : i + 2], 16) for i in (1, 3, 5))
    assert colorsys.rgb_to_hsv(red, green, blue)[1] == 0


@pytest.mark.parametrize('suffix', ['png', 'svg'])
def test_equal_figures_are_equal_files(tmp_path: Path, suffix: str) -> None:
    for name in 'ab':
        with new_figure() as (figure, axes):
            axes[0, 0].plot([0, 1], [1, 0], label='a')
            axes[0, 0].set_title('title')
        save_figure(figure, tmp_path / f'{name}.{suffix}')
    assert (tmp_path / f'a.{suffix}').read_bytes() == (tmp_path / f'b.{suffix}').read_bytes()
    assert (tmp_path / f'a.{suffix}').stat().st_size > 1000


def test_the_style_does_not_leak() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with new_figure(2, 3) as (figure, axes):
        assert mpl.rcParams['axes.grid'] is RC['axes.grid'] is True
        assert axes.shape == (2, 3)
    assert dict(mpl.rcParams) == before
    assert len(figure.axes) == 6
