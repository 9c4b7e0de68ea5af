"""Charts of an error analysis, made from the content of ``errors.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmseg_ext.eda.plots import CYCLE, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Summary = Mapping[str, Any]

# Warm where the prediction adds objects, cool where it lacks them, yellow and pink for wrong classes; distinct also
# with a colour vision deficiency (the hues are those of Okabe and Ito).
CAUSE_COLOURS: dict[str, tuple[int, int, int]] = {
    'background hallucination': (213, 94, 0),
    'missed object': (0, 114, 178),
    'class swap': (204, 121, 167),
    'missed thin part': (86, 180, 233),
    'boundary band': (200, 200, 200),
    'mixed classes': (240, 228, 66),
    'hole': (150, 240, 200),
    'missed part': (0, 158, 115),
    'spill-over': (230, 159, 0),
}


def error_figures(summary: Summary) -> dict[str, Figure]:
    """Make all charts: ``causes``, ``slices``, ``borders``, and ``calibration`` with probabilities.

    Args:
        summary: Of `mmseg_ext.evaluation.errors.summarize_errors`, or read from ``errors.json``.
    """
    figures = {'causes': causes_figure(summary), 'borders': borders_figure(summary)}
    if summary['slices']:
        figures['slices'] = slices_figure(summary)
    if summary['calibration'] is not None:
        figures['calibration'] = calibration_figure(summary)
    return figures


def causes_figure(summary: Summary) -> Figure:
    """Plot share of the wrong pixels and gain by repair, a bar per cause, the largest gain on top."""
    causes = sorted(summary['causes'], key=lambda cause: cause['gain']['value'] or 0)
    names = [cause['cause'] for cause in causes]
    colours = [tuple(value / 255 for value in CAUSE_COLOURS[name]) for name in names]
    with new_figure(1, 2, height=3.2, sharey=True) as (figure, axes):
        for panel, key, label in zip(
            axes[0], ('share', 'gain'), ('% of all wrong pixels', 'points of mDice gained by repair'), strict=True
        ):
            values = [cause[key]['value'] or 0 for cause in causes]
            panel.barh(range(len(names)), values, 0.72, color=colours, edgecolor=INK, linewidth=0.5)
            for place, cause in enumerate(causes):
                _draw_interval(panel, cause[key], place)
            panel.set(xlabel=label, yticks=range(len(names)), xlim=(min(0, *values), None))
            panel.grid(visible=False, axis='y')
        axes[0, 0].set_yticklabels(names)
    return figure


def _draw_interval(panel: Axes, entry: Summary, place: float) -> None:
    """Draw the interval of an entry as a horizontal line."""
    if entry['low'] is not None:
        panel.plot([entry['low'], entry['high']], [place, place], color=INK, linewidth=1.2, solid_capstyle='butt')


def slices_figure(summary: Summary) -> Figure:
    """Plot the object Dice of each slice with its interval; the dashed line is that of all objects."""
    slices = [piece for piece in summary['slices'] if piece['object_dice']['value'] is not None][::-1]
    features = list(dict.fromkeys(piece['feature'] for piece in slices))
    places = np.arange(len(slices)) + 0.7 * np.array([features.index(piece['feature']) for piece in slices])
    with new_figure(height=1.0 + 0.2 * (len(slices) + 0.7 * len(features))) as (figure, axes):
        panel = axes[0, 0]
        panel.axvline(summary['scores']['object_dice'], color=INK, linewidth=0.9, linestyle='--', label='all images')
        for place, piece in zip(places, slices, strict=True):
            _draw_interval(panel, piece['object_dice'], place)
            panel.plot(piece['object_dice']['value'], place, 'o', color=CYCLE[1], markersize=5)
        labels = [f'{piece["name"]}  {piece["limits"]}  (n = {piece["objects"]})' for piece in slices]
        panel.set(xlabel='object Dice, %, with 95 % interval (five images or more)', yticks=places)
        panel.set_yticklabels(labels, fontsize=8)
        panel.set_ylim(places[0] - 0.8, places[-1] + 0.8)
        panel.grid(visible=False, axis='y')
        figure.legend(loc='outside upper right')
    return figure


def borders_figure(summary: Summary) -> Figure:
    """Plot the trimap curve: mDice near the true borders, and the share of the errors there."""
    rows = summary['borders']['trimap']
    widths = [row['width'] for row in rows]
    with new_figure(1, 2, height=2.7) as (figure, axes):
        scores = [row['mDice'] for row in rows]
        axes[0, 0].plot(widths, _values(scores, 'value'), color=CYCLE[1], marker='o', markersize=4)
        axes[0, 0].fill_between(
            widths, _values(scores, 'low'), _values(scores, 'high'), color=CYCLE[1], alpha=0.2, linewidth=0
        )
        whole = summary['scores']['mDice']['value']
        if whole is not None:
            axes[0, 0].axhline(whole, color=INK, linewidth=0.9, linestyle='--')
            axes[0, 0].annotate('whole images', (widths[0], whole), (0, 3), textcoords='offset points', fontsize=8)
        axes[0, 0].set(xlabel='largest distance to a true border, px', ylabel='mDice there, %')
        axes[0, 1].plot(
            widths, [row['errors'] for row in rows], color=CYCLE[3], marker='s', markersize=4, label='wrong pixels'
        )
        axes[0, 1].plot(
            widths, [row['pixels'] for row in rows], color='#777777', marker='^', markersize=4, linestyle='--',
            label='all pixels',
        )  # fmt: skip
        axes[0, 1].set(xlabel='largest distance to a true border, px', ylabel='share there, %', ylim=(0, 100))
        axes[0, 1].legend(loc='upper left')
    return figure


def _values(entries: Sequence[Summary], key: str) -> list[float]:
    return [float('nan') if entry[key] is None else entry[key] for entry in entries]


def calibration_figure(summary: Summary) -> Figure:
    """Plot the reliability of the pixels' probabilities, and each mask's confidence against its object Dice."""
    bins = [entry for entry in summary['calibration']['bins'] if entry['pixels']]
    with new_figure(1, 2, height=3.3) as (figure, axes):
        left, right = axes[0]
        for panel in (left, right):
            panel.plot([0, 100], [0, 100], color=INK, linewidth=0.9, linestyle='--')
        pixels = np.array([entry['pixels'] for entry in bins], float)
        confidence, accuracy = ([entry[key] for entry in bins] for key in ('confidence', 'accuracy'))
        left.plot(confidence, accuracy, color=CYCLE[1], linewidth=1)
        left.scatter(confidence, accuracy, 12 + 140 * np.sqrt(pixels / pixels.max()), CYCLE[1], alpha=0.75)
        left.annotate(
            'dot area: square root of pixel count', (0.98, 0.03), xycoords='axes fraction', ha='right', fontsize=8
        )
        left.set(
            xlabel='confidence, %', ylabel='accuracy, %', title='Pixels',
            xlim=(min(confidence) - 5, 102), ylim=(min(*accuracy, *confidence) - 5, 104),
        )  # fmt: skip
        for suspect, colour, marker, label in (
            (False, CYCLE[1], 'o', 'image'),
            (True, CYCLE[3], 'X', 'suspected ground truth'),
        ):
            chosen = [image for image in summary['images'] if bool(image['suspect']) == suspect]
            points = [(image['confidence'], image['object_dice']) for image in chosen]
            if points:
                right.scatter(*zip(*points, strict=True), 22, colour, marker, alpha=0.7, linewidths=0, label=label)
        right.set(xlabel='confidence (expected Dice), %', ylabel='object Dice, %', title='Masks', xlim=(None, 101),
                  ylim=(-3, 103))  # fmt: skip
        right.legend(loc='upper left')
    return figure
