"""Markdown report of an error analysis: tables and charts, no images."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.plots import save_figure
from mmseg_ext.evaluation.errors.slices import DARK_ON_DARK
from mmseg_ext.evaluation.errors.tables import correction_sentence, error_tables, text
from mmseg_ext.files import refuse_existing, staged_files, write_text
from mmseg_ext.reports.errors.charts import error_figures
from mmseg_ext.reports.errors.conclusions import conclude
from mmseg_ext.reports.errors.page import NO_PROBABILITIES

Summary = Mapping[str, Any]
FIGURES = 'figures'
KNOWS = 'Does the model know when it is wrong?'
SECTIONS = {
    'Errors by cause': ('causes',),
    'Errors by kind of object': ('slices', 'worst'),
    'Object by object': ('objects', 'true', 'predicted'),
    'At the borders': ('borders', 'trimap'),
    KNOWS: ('calibration',),
    'Is the ground truth right?': ('suspects',),
}
ALT_TEXTS = {
    'causes': 'Share of the wrong pixels and gain by repair, for each cause',
    'slices': 'Object Dice of each slice with its interval',
    'borders': 'mDice and share of the wrong pixels near true borders',
    'calibration': 'Reliability of the probabilities, and confidence of the masks against their object Dice',
}


def check_markdown(path: str | Path, overwrite: bool = False) -> None:
    """Refuse to replace a report or chart.

    Raises:
        InputError: One of the files exists and ``overwrite`` is False.
    """
    path = Path(path)
    charts = (path.parent / FIGURES / f'errors_{name}.png' for name in ALT_TEXTS)
    refuse_existing([path, *charts], overwrite, 'markdown')


def write_errors_markdown(path: str | Path, summary: Summary) -> None:
    """Write the report, and its charts as ``figures/errors_<name>.png`` in the same folder.

    Args:
        path: The Markdown file.
        summary: Of `mmseg_ext.evaluation.errors.summarize_errors`, or read from ``errors.json``.

    Raises:
        InputError: A file cannot be written.
    """
    path = Path(path)
    figures = error_figures(summary)
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
                chart = 'borders' if name == 'trimap' else name
                if name != 'borders':
                    lines += [f'![{ALT_TEXTS[chart]}]({FIGURES}/errors_{chart}.png)', '']
    if not summary['result']['probabilities']:
        lines += [f'## {KNOWS}', '', NO_PROBABILITIES, '']
    with staged_files(path.parent) as stage:
        for name, figure in figures.items():
            save_figure(figure, stage / FIGURES / f'errors_{name}.png')
        write_text(stage / path.name, '\n'.join(lines))


def _head(summary: Summary) -> list[str]:
    result, settings, scores = summary['result'], summary['settings'], summary['scores']
    commands = [_command_line(command) for command in (result['command'], summary['command']) if command]
    return [
        f'- Model: `{result["config"]}`, commit `{result["commit"] or "unknown"}`'
        f'{", with test-time augmentation" if result["tta"] else ""}.',
        f'- Data: split `{result["split"]}`, label set `{result["labels"]}`, '
        f'{counted(result["images"], "image")}, {counted(result["objects"], "object")}; '
        f'background class: {settings["background"] or "none"}.',
        f'- Score: mDice {text(scores["mDice"], 2)}; {scores["wrong_pixels"]:,} of {scores["pixels"]:,} pixels '
        f'({100 * scores["wrong_pixels"] / max(1, scores["pixels"]):.2f} %) are wrong.',
        f'- Rules: [docs/error-analysis.md](../../docs/error-analysis.md); boundary band {settings["band"]:g} px, '
        f'opening of radius {settings["radius"]} px. Brackets: 95 % bootstrap intervals over images '
        f'({settings["resamples"]} resamples, seed {settings["seed"]}).',
        '',
        '```',
        *commands,
        '```',
    ]


def _command_line(command: Sequence[str]) -> str:
    """Write a recorded ``sys.argv`` as a shell command, without the path of the installed script."""
    if Path(command[0]).name == 'mmseg-ext':
        return shlex.join(['mmseg-ext', *command[1:]])
    return shlex.join(['python', *command])


def error_claims(summary: Summary) -> list[str]:
    """Summarize the analysis in sentences, one list item each: those of `conclude`, and some on single tables."""
    claims = [f'- {sentence}' for sentence in conclude(summary)]
    dark = next((piece for piece in summary['slices'] if piece['name'] == DARK_ON_DARK), None)
    if dark is not None:
        claims.append(
            f'- Dark on dark ({dark["limits"]}, {dark["objects"]} objects): object Dice {text(dark["object_dice"])} %, '
            f'{text(dark["relative"], sign=True)} % relative to the other objects.'
        )
    objects = summary['objects']
    false = sum(entry['predicted']['no object there'] for entry in objects['classes'].values())
    missed = sum(entry['true']['missed'] for entry in objects['classes'].values())
    confused = sum(pair['objects'] for pair in objects['confused'])
    claims.append(
        f'- Objects: recall {text(objects["all"]["recall"])} %, precision {text(objects["all"]["precision"])} %; '
        f'{missed} missed, {false} predicted where there is none, {confused} found with the wrong class.'
    )
    return claims + _probability_claims(summary)


def _probability_claims(summary: Summary) -> list[str]:
    claims = []
    calibration, suspects = summary['calibration'], summary['label_suspects']
    if calibration is not None:
        claims.append(
            f'- Rank correlation of confidence and object Dice: {text(calibration["rank_correlation"], 2)}. '
            f'Of the worst {100 * calibration["worst"]:.0f} % of masks, {calibration["caught"]:.0f} % are among the '
            f'{100 * calibration["worst"]:.0f} % with the lowest confidence.'
        )
    if suspects is not None:
        claims.append(
            f'- {len(suspects["found"])} ground-truth masks are suspected, {suspects["worst_suspected"]} of them among '
            f'the {suspects["worst_cases"]} worst images; they contain {suspects["wrong_pixels"]:.1f} % of the wrong '
            'pixels.'
            f'{" " + correction_sentence(suspects["corrected"]) if suspects["corrected"] else ""}'
        )
    return claims
