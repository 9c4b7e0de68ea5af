"""Compare runs: one page, a Markdown table, JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext compare work_dirs/unet work_dirs/ladder --out comparison.html'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Compare runs from their folders or a ClearML project: scores with intervals, mean and deviation over seeds,\n'
        'hyperparameters that differ, curves, and any two runs image by image. Details: docs/compare.md.',
        EXAMPLE,
        flags={'runs': 'RUN', 'project': '--clearml'},
    )
    parser.add_argument(
        'run', nargs='*', metavar='RUN', help='work dir, folder of work dirs, or result of mmseg-ext test'
    )
    parser.add_argument('--clearml', metavar='PROJECT', help='also compare the trainings of this ClearML project')
    parser.add_argument('--publish', action='store_true', help='publish tables and charts as a task of that project')
    parser.add_argument('--out', metavar='FILE', help='write the page, one HTML file that works offline')
    parser.add_argument('--title', default='Comparison of runs', help='heading of the page')
    parser.add_argument('--no-pictures', action='store_true', help='leave images and masks out of the page')
    parser.add_argument('--markdown', metavar='FILE', help='write the table of scores as Markdown; - prints it')
    parser.add_argument('--json', metavar='FILE', help='write all numbers as JSON; - prints them')
    parser.add_argument('--overwrite', action='store_true', help='replace existing files')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, compare, print the table."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.out == '-':
        parser.error('--out -: the page needs a file')
    if args.markdown == args.json == '-':
        parser.error('--markdown - and --json -: only one of them can be printed')
    from mmseg_ext.workflows.compare import compare

    result = compare(
        args.run, project=args.clearml, publish=args.publish, out=args.out, markdown=args.markdown, json=args.json,
        title=args.title, pictures=not args.no_pictures, overwrite=args.overwrite,
    )  # fmt: skip
    comparison = result.comparison
    for run in comparison.runs:
        if run.reason:
            print(f'{run.name}: {run.status}: {run.reason}', file=sys.stderr)
    print(result.text, end='')
    if result.published is not None:
        page, address = result.published
        print(f'published: {page}')
        print(f'compare: {address}' if address else 'compare: fewer than two of these runs have a task on the server')
    return 0 if comparison.kinds else 1
