"""An error analysis as Markdown with charts: numbers only, no photographs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ext.eda.plots import save_figure
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.errors.slices import DARK_ON_DARK
from mmseg_ext.evaluation.errors.tables import correction_sentence, error_tables, text
from mmseg_ext.files import make_folder, write_text
from mmseg_ext.reports.errors.figures import error_figures
from mmseg_ext.reports.errors.page import NO_PROBABILITIES

Summary = Mapping[str, Any]
FIGURES = 'figures'
SECTIONS = {
    'What the errors are': ('causes',),
    'On which objects': ('slices', 'worst'),
    'Object by object': ('objects', 'true', 'predicted'),
    'At the borders': ('borders', 'trimap'),
    'Does the model know': ('calibration',),
    'Is the truth right': ('suspects',),
}
ALTERNATIVES = {
    'causes': 'Share of the wrong pixels and gain by repair of each cause',
    'slices': 'Object Dice of each slice with its interval',
    'borders': 'mDice and share of the errors near true borders',
    'calibration': 'Reliability of the probabilities, and confidence against quality of the masks',
}


def check_markdown(path: str | Path, overwrite: bool = False) -> None:
    """Refuse to replace a report or chart unless it may be.

    Raises:
        InputError: One of the files is there and ``overwrite`` is False.
    """
    path = Path(path)
    charts = (path.parent / FIGURES / f'errors_{name}.png' for name in ALTERNATIVES)
    for file in (path, *charts):
        if file.exists() and not overwrite:
            raise InputError(f'{file}: exists; replace it with --overwrite or choose another --markdown')


def write_errors_markdown(path: str | Path, summary: Summary) -> None:
    """Write the report, and its charts as ``figures/errors_<name>.png`` beside it.

    Args:
        path: The Markdown file.
        summary: Of `mmseg_ext.evaluation.errors.summarize_errors`, or read from ``errors.json``.

    Raises:
        InputError: A file cannot be written.
    """
    path = Path(path)
    folder = make_folder(path.parent / FIGURES)
    figures = error_figures(summary)
    for name, figure in figures.items():
        save_figure(figure, folder / f'errors_{name}.png')
    tables = error_tables(summary)
    lines = ['# Why does it fail?', '', *_head(summary), '', '## In short', '', *error_claims(summary), '']
    for title, names in SECTIONS.items():
        shown = [name for name in names if name in tables]
        if not shown:
            continue
        lines += [f'## {title}', '']
        for name in shown:
            lines.append(tables[name].markdown())
            if name in figures or name == 'trimap':
                picture = 'borders' if name == 'trimap' else name
                if name != 'borders':
                    lines += [f'![{ALTERNATIVES[picture]}]({FIGURES}/errors_{picture}.png)', '']
    if not summary['result']['probabilities']:
        lines += ['## Does the model know', '', NO_PROBABILITIES, '']
    write_text(path, '\n'.join(lines))


def _head(summary: Summary) -> list[str]:
    result, settings, scores = summary['result'], summary['settings'], summary['scores']
    commands = [shlex.join(command) for command in (result['command'], summary['command']) if command]
    return [
        f'- Model: `{result["config"]}`, commit `{result["commit"] or "unknown"}`'
        f'{", with test-time augmentation" if result["tta"] else ""}.',
        f'- Data: split `{result["split"]}`, label set `{result["labels"]}`, {result["images"]} images, '
        f'{result["objects"]} objects; ground: {settings["background"] or "none"}.',
        f'- Score: mDice {text(scores["mDice"], 2)}; {scores["wrong_pixels"]:,} of {scores["pixels"]:,} pixels '
        f'({100 * scores["wrong_pixels"] / max(1, scores["pixels"]):.2f} %) are wrong.',
        f'- Rules: [docs/error-analysis.md](../../docs/error-analysis.md); boundary band {settings["band"]:g} px, '
        f'opening of radius {settings["radius"]} px. In brackets 95 % bootstrap intervals over images '
        f'({settings["resamples"]} resamples, seed {settings["seed"]}).',
        '',
        '```',
        *(f'python {command}' for command in commands),
        '```',
    ]


def error_claims(summary: Summary) -> list[str]:
    """What the tables say, in sentences that hold for any numbers."""
    first, second = sorted(summary['causes'], key=lambda one: -(one['gain']['value'] or 0))[:2]
    claims = [
        f'- Repairing the {first["cause"]} would gain most: {text(first["gain"], 2, sign=True)} points of mDice; it '
        f'holds {text(first["share"])} % of the wrong pixels. Next comes {second["cause"]}: '
        f'{text(second["gain"], 2, sign=True)} points, {text(second["share"])} %.'
    ]
    dark = next((one for one in summary['slices'] if one['name'] == DARK_ON_DARK), None)
    if dark is not None:
        claims.append(
            f'- Dark on dark ({dark["limits"]}, {dark["objects"]} objects): object Dice {text(dark["object_dice"])} %, '
            f'{text(dark["relative"], sign=True)} % relative to the other objects.'
        )
    found = summary['worst_slices']['found']
    if found:
        sure = [one['name'] for one in found if one['p'] <= 0.05]
        verdict = (
            f'below the rest by more than chance (p ≤ 0.05, corrected): {"; ".join(sure)}'
            if sure
            else f'none lies below the rest by more than chance at p ≤ 0.05; the nearest is "{found[0]["name"]}" '
            f'(p = {found[0]["p"]:.3f})'
        )
        claims.append(f'- Of {summary["worst_slices"]["tried"]} slices, {verdict}.')
    objects = summary['objects']
    lone = sum(one['predicted']['no object there'] for one in objects['classes'].values())
    missed = sum(one['true']['missed'] for one in objects['classes'].values())
    claims.append(
        f'- Objects: recall {text(objects["all"]["recall"])} %, precision {text(objects["all"]["precision"])} %; '
        f'{missed} missed, {lone} predicted where there is none, '
        f'{sum(one["objects"] for one in objects["confused"])} outlined but called another class.'
    )
    return claims + _claims_of_probabilities(summary)


def _claims_of_probabilities(summary: Summary) -> list[str]:
    claims = []
    calibration, suspects = summary['calibration'], summary['label_suspects']
    if calibration is not None:
        claims.append(
            f'- The confidence of the model ranks its masks: correlation {text(calibration["rank_correlation"], 2)}; '
            f'of the worst {100 * calibration["worst"]:.0f} % of masks, {calibration["caught"]:.0f} % are among as '
            'many least confident ones.'
        )
    if suspects is not None:
        claims.append(
            f'- {len(suspects["found"])} masks of the truth are suspected, {suspects["worst_suspected"]} of them among '
            f'the {suspects["worst_cases"]} worst images; they hold {suspects["wrong_pixels"]:.1f} % of the wrong '
            'pixels.'
            f'{" " + correction_sentence(suspects["corrected"]) if suspects["corrected"] else ""}'
        )
    return claims
