"""Figures of a data set's statistics."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_ext.eda.plots import (
    BACKGROUND,
    HATCHES,
    INK,
    LINES,
    MARKERS,
    SEQUENTIAL,
    class_colour,
    class_marker,
    new_figure,
)
from mmseg_ext.eda.statistics.collect import Statistics
from mmseg_ext.eda.statistics.drift import Drift
from mmseg_ext.eda.statistics.measure import MIN_OBJECT_SHARE
from mmseg_ext.eda.statistics.quantities import sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DRIFT_COLOUR = '#D55E00'  # vermilion
MAX_SCATTER_POINTS = 2000


def balance_figure(statistics: Statistics) -> Figure:
    """Plot share of images, objects per image and share of pixels, with a bar for each class and split."""
    panels = [('images %', 'images with the class, %'), ('objects per image', 'objects per image'),
              ('pixels %', 'pixels, %')]  # fmt: skip
    splits, classes = statistics.masked_splits(), statistics.object_classes
    size = 0.8 / len(splits)
    with new_figure(1, 3, height=1.1 + 0.32 * len(classes) * len(splits), sharey=True) as (figure, axes):
        for panel, (quantity, label) in zip(axes[0], panels, strict=True):
            for place, index in enumerate(classes):
                for number, split in enumerate(splits):
                    values = sample(statistics, quantity, split, index).values
                    value = float(values.mean()) if len(values) else 0.0
                    at = place + (number - (len(splits) - 1) / 2) * size
                    panel.barh(
                        at, value, 0.9 * size, color=class_colour(index, statistics.background), edgecolor='white',
                        hatch=HATCHES[number % len(HATCHES)],
                    )  # fmt: skip
                    panel.annotate(
                        f'{value:.3g}' if value < 100 else f'{value:.0f}', (value, at), (3, 0),
                        textcoords='offset points', va='center', fontsize=8,
                    )  # fmt: skip
            panel.set(xlabel=label, yticks=range(len(classes)))
            panel.set_yticklabels([statistics.classes.names[index] for index in classes])
            panel.margins(x=0.18)
            panel.grid(visible=False, axis='y')
        axes[0, 0].invert_yaxis()
        _split_legend(figure, splits)
    return figure


def _split_legend(figure: Figure, splits: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=BACKGROUND, edgecolor='white', hatch=HATCHES[number % len(HATCHES)], label=split)
        for number, split in enumerate(splits)
    ]
    figure.legend(handles=handles, loc='outside upper right', ncols=len(splits))


def area_figure(statistics: Statistics) -> Figure:
    """Plot the share of objects that are smaller than an area (logarithmic), with a line for each class and split."""
    with new_figure(1, 2, height=2.9, width_ratios=(3, 2)) as (figure, axes):
        for index in statistics.object_classes:
            for number, split in enumerate(statistics.masked_splits()):
                values = sample(statistics, 'area %', split, index).values
                if len(values):
                    axes[0, 0].ecdf(
                        values, color=class_colour(index, statistics.background), linestyle=LINES[number % len(LINES)],
                        label=f'{statistics.classes.names[index]}, {split}',
                    )  # fmt: skip
        axes[0, 0].set(
            xscale='log', xlabel='object area, % of the image (logarithmic)',
            ylabel='share of objects that are smaller', xlim=(100 * MIN_OBJECT_SHARE, 100), ylim=(0, 1.01),
        )  # fmt: skip
        axes[0, 0].xaxis.set_major_formatter('{x:g}')
        axes[0, 0].legend(loc='upper left')
        _boxes(axes[0, 1], statistics, 'area %')
        axes[0, 1].set(ylabel='object area, % of the image', ylim=(0, None))
    return figure


def _boxes(axes: Axes, statistics: Statistics, quantity: str) -> None:
    """Draw a box for each class and split: quartiles, and whiskers to the smallest and the largest value."""
    splits, ticks = statistics.masked_splits(), []
    for place, index in enumerate(statistics.object_classes):
        for number, split in enumerate(splits):
            at = place * (len(splits) + 0.7) + number
            values = sample(statistics, quantity, split, index).values
            ticks.append((at, f'{statistics.classes.names[index]}\n{split}'))
            if not len(values):
                continue
            drawn = axes.boxplot(values, positions=[at], widths=0.7, whis=(0, 100), patch_artist=True,
                                 medianprops=dict(color=INK, linewidth=1.6))  # fmt: skip
            drawn['boxes'][0].set(
                facecolor=class_colour(index, statistics.background),
                edgecolor='white',
                hatch=HATCHES[number % len(HATCHES)],
            )
    axes.set_xticks([at for at, _ in ticks], [text for _, text in ticks])
    axes.grid(visible=False, axis='x')


def light_figure(statistics: Statistics) -> Figure:
    """Plot the brightness of each object over that of the background around it; on the diagonal they are equal."""
    splits = statistics.masked_splits()
    with _square_panels(1, len(splits), 6.4, sharex=True, sharey=True) as (figure, axes):
        for panel, split in zip(axes[0], splits, strict=True):
            panel.plot([0, 255], [0, 255], color=INK, linewidth=0.9)
            panel.text(250, 8, 'darker than its background', ha='right', fontsize=8, style='italic')
            panel.text(5, 240, 'brighter than its background', ha='left', fontsize=8, style='italic')
            for index in statistics.object_classes:
                rows = [row for row in statistics.objects if (row.split, row.class_index) == (split, index)]
                points = np.array([(row.background, row.brightness) for row in rows]).reshape(-1, 2)
                points = points[~np.isnan(points).any(axis=1)]
                if len(points) > MAX_SCATTER_POINTS:
                    points = np.random.default_rng(0).choice(points, MAX_SCATTER_POINTS, replace=False)
                panel.scatter(
                    points[:, 0], points[:, 1], 16, class_colour(index, statistics.background),
                    class_marker(index, statistics.background), alpha=0.75, linewidths=0.3, edgecolors='white',
                    label=statistics.classes.names[index],
                )  # fmt: skip
            panel.set(title=split, xlim=(0, 255), ylim=(0, 255), aspect='equal', xlabel='brightness of the background')
        axes[0, 0].set_ylabel('brightness of the object')
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc='outside upper right', ncols=4, handletextpad=0.2)
    return figure


def _square_panels(rows: int, columns: int, width: float, **options: Any) -> AbstractContextManager[tuple[Figure, Any]]:
    """Make a figure of square panels, all columns together ``width`` inches wide, without gaps between them."""
    height = rows * (min(3.2, width / columns) + 0.4)
    return new_figure(rows, columns, height=height, layout='compressed', **options)


def position_figure(statistics: Statistics) -> Figure:
    """Plot where the classes are: the share of the images with the class that show it at each place."""
    splits, classes = statistics.masked_splits(), statistics.object_classes
    highest = max((float(found.max()) for found in statistics.positions.values()), default=1.0)
    with _square_panels(len(classes), len(splits), 5.4) as (figure, axes):
        image: Any = None
        for row, index in zip(axes, classes, strict=True):
            for panel, split in zip(row, splits, strict=True):
                panel.set(title=f'{statistics.classes.names[index]}, {split}', xticks=[], yticks=[])
                panel.spines[:].set_visible(False)
                found = statistics.positions.get((split, index))
                if found is None:
                    panel.text(0.5, 0.5, 'none', ha='center', va='center')
                    continue
                image = panel.imshow(100 * found, cmap=SEQUENTIAL, vmin=0, vmax=100 * highest, extent=(0, 1, 1, 0))
        if image is not None:
            figure.colorbar(image, ax=axes, label='images that show the class here, %', shrink=0.7)
    return figure


def drift_figure(statistics: Statistics, drifts: Sequence[Drift], reference: str = 'train') -> Figure:
    """Plot the Kolmogorov–Smirnov distance of each quantity to the reference split; filled where it is drift."""
    shown = sorted(drifts, key=lambda drift: drift.distance)
    names = [
        f'{"" if drift.class_index is None else statistics.classes.names[drift.class_index] + ": "}{drift.quantity}'
        for drift in shown
    ]
    splits = [split for split in statistics.splits if any(drift.split == split for drift in shown)]
    with new_figure(height=0.9 + 0.2 * max(4, len(shown))) as (figure, axes):
        panel = axes[0, 0]
        panel.hlines(range(len(shown)), 0, [drift.distance for drift in shown], color='#bbbbbb', linewidth=1)
        for number, split in enumerate(splits):
            marker = MARKERS[number % len(MARKERS)]
            for significant in (False, True):
                points = [
                    (d.distance, at) for at, d in enumerate(shown) if (d.split, d.significant) == (split, significant)
                ]
                label = f'{split}{", drift" if significant else ""}'
                if points:
                    panel.scatter(*zip(*points, strict=True), 30, marker=marker, edgecolors=INK, zorder=3, label=label,
                                  facecolors=DRIFT_COLOUR if significant else 'white')  # fmt: skip
        panel.set(xlabel=f'Kolmogorov–Smirnov distance to {reference}', xlim=(0, None), yticks=range(len(shown)))
        panel.set_yticklabels(names)
        panel.grid(visible=False, axis='y')
        if shown:
            panel.legend(loc='lower right')
    return figure
