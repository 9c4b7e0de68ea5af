"""Say why a model fails."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'python tools/analyze_errors.py work_dirs/NAME/val-tta --out work_dirs/NAME/errors'


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    parser = ArgumentParser(
        'Name the cause of every wrong pixel of a result of tools/test.py, and what its repair would bring; find the\n'
        'objects that fail most; judge borders, single objects, confidence, and the truth itself.',
        EXAMPLE,
    )
    parser.add_argument('result', metavar='RESULT_DIR', help='folder that tools/test.py wrote')
    parser.add_argument('--data', metavar='DATA', help='data set, where it has moved since')
    parser.add_argument('--out', metavar='D', required=True, help='folder for errors.html, errors.json, tables, charts')
    parser.add_argument('--markdown', metavar='FILE', help='also write a report without photographs, figures beside it')
    parser.add_argument(
        '--corrected', metavar='NAME', help='label set of corrected masks, to check the suspicions with'
    )
    parser.add_argument('--background', metavar='NAME', help='class that is ground, or none (default: the first)')
    parser.add_argument(
        '--band', type=float, metavar='PX', help='width of the boundary band (default: 1 %% of diagonal)'
    )
    parser.add_argument(
        '--radius', type=int, metavar='PX', help='thin is what this opening removes (default: the same)'
    )
    parser.add_argument('--least', type=int, metavar='N', help='objects that a worst slice needs (default: 8 or 5 %%)')
    parser.add_argument('--top', type=int, default=12, metavar='N', help='images in each gallery (default: 12)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of all random draws (default: 0)')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier analysis')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, analyse, write, print the causes."""
    parser = build_parser()
    args = parser.parse_args(argv)
    for option, value, least in (
        ('band', args.band, 1), ('radius', args.radius, 1), ('least', args.least, 2), ('top', args.top, 1),
        ('seed', args.seed, 0),
    ):  # fmt: skip
        if value is not None and not value >= least:
            parser.error(f'--{option} {value}: must be {least} or more')
    from rich.console import Console

    from mmseg_ext.evaluation.errors.analysis import Settings, analyze, find_background
    from mmseg_ext.evaluation.errors.causes import CauseSettings
    from mmseg_ext.evaluation.errors.label_suspects import read_correction
    from mmseg_ext.evaluation.errors.result_dir import open_result
    from mmseg_ext.evaluation.errors.summary import summarize_errors
    from mmseg_ext.evaluation.errors.tables import error_tables
    from mmseg_ext.reports.errors.markdown import check_markdown, write_errors_markdown
    from mmseg_ext.reports.errors.outputs import check_out, write_error_outputs

    check_out(args.out, args.overwrite)
    if args.markdown is not None:
        check_markdown(args.markdown, args.overwrite)
    result = open_result(args.result, args.data)
    settings = Settings(
        background=find_background(result.classes.names, args.background),
        causes=CauseSettings(band=args.band, radius=args.radius),
        min_objects=args.least,
        seed=args.seed,
    )
    correction = None
    if args.corrected is not None:
        correction = read_correction(result, args.corrected, settings.background)
    analysis = analyze(result, settings)
    command = ['mmseg-ext', 'errors', *(argv or ())]
    summary = summarize_errors(analysis, command, correction)
    page = write_error_outputs(args.out, analysis, summary, args.top)
    if args.markdown is not None:
        write_errors_markdown(args.markdown, summary)
    console = Console(width=None if os.isatty(1) else 120)
    tables = error_tables(summary)
    for name in ('causes', 'worst', 'objects'):
        console.print(tables[name].rich())
    if not result.has_probabilities:
        print(
            'no probabilities: calibration, confidence and suspected masks are left out (tools/test.py --probabilities)'
        )
    print(f'page: {page}; numbers: {Path(args.out) / "errors.json"}')
    return 0
