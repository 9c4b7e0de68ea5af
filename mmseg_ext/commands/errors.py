"""Find out why a model fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext errors work_dirs/NAME/val-tta --out work_dirs/NAME/errors'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Find the cause of every wrong pixel in a result of mmseg-ext test, and the gain from correcting it; also the\n'
        'worst kinds of objects, and errors at borders, in single objects, in confidence and in the ground truth.',
        EXAMPLE,
        flags={'root': '--data'},
    )
    parser.add_argument('result', metavar='RESULT', help='folder written by mmseg-ext test')
    parser.add_argument('--data', metavar='DATA', help='data set, if it has moved')
    parser.add_argument(
        '--out', metavar='D', required=True, help='folder for errors.html, errors.json, tables and charts'
    )
    parser.add_argument('--markdown', metavar='FILE', help='also write a report without images, with charts next to it')
    parser.add_argument(
        '--corrected', metavar='NAME', help='label set of corrected masks, to check the suspected masks against'
    )
    parser.add_argument('--background', metavar='NAME', help='background class, or none (default: the first)')
    parser.add_argument(
        '--band', type=float, metavar='PX', help='width of the boundary band (default: 1 %% of the diagonal)'
    )
    parser.add_argument(
        '--radius', type=int, metavar='PX', help='opening radius of thin parts (default: 1 %% of the diagonal)'
    )
    parser.add_argument(
        '--min-objects',
        type=int,
        metavar='N',
        help='objects that a slice needs to be ranked (default: the larger of 8 and 5 %%)',
    )
    parser.add_argument('--top', type=int, default=12, metavar='N', help='images in each gallery (default: 12)')
    parser.add_argument('--seed', type=cli.whole, default=0, metavar='N', help='random seed (default: 0)')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier analysis')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, analyse, print the causes."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.evaluation.errors.tables import error_tables
    from mmseg_ext.workflows.errors import analyze_errors

    analysis = analyze_errors(
        args.result, args.out, data=args.data, markdown=args.markdown, corrected=args.corrected,
        background=args.background, band=args.band, radius=args.radius, min_objects=args.min_objects, top=args.top,
        seed=args.seed, overwrite=args.overwrite, command=['mmseg-ext', 'errors', *(argv or ())],
    )  # fmt: skip
    console = cli.console(120)
    tables = error_tables(analysis.summary)
    for name in ('causes', 'worst', 'objects'):
        console.print(tables[name].rich())
    if not analysis.has_probabilities:
        print(
            'no probabilities: calibration, confidence and suspected masks are left out '
            '(see mmseg-ext test --probabilities)'
        )
    print(f'page: {analysis.page}; numbers: {Path(args.out) / "errors.json"}')
    return 0
