"""Compare runs: one page, a Markdown table, JSON."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.errors import InputError

EXAMPLE = 'python tools/compare.py work_dirs/unet work_dirs/ladder --out comparison.html'
STANDARD_OUTPUT = '-'


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    parser = ArgumentParser(
        'Compare runs by what lies in their folders or in a ClearML project: scores with intervals, seeds as mean and\n'
        'deviation, the hyperparameters that differ, curves, any two image by image. What is shown: docs/compare.md.',
        EXAMPLE,
        flags={'project': '--clearml'},
    )
    parser.add_argument(
        'run', nargs='*', metavar='RUN', help='work dir, folder of work dirs, or result of tools/test.py'
    )
    parser.add_argument('--clearml', metavar='PROJECT', help='compare the trainings of this ClearML project (too)')
    parser.add_argument('--publish', action='store_true', help='put tables and charts into a task of that project')
    parser.add_argument('--out', metavar='FILE', help='the page, one HTML file that needs no network')
    parser.add_argument('--title', default='Comparison of runs', help='its heading')
    parser.add_argument('--no-pictures', action='store_true', help='leave photographs and masks out of it')
    parser.add_argument('--markdown', metavar='FILE', help='the table of scores as Markdown; - prints it')
    parser.add_argument('--json', metavar='FILE', help='everything in numbers; - prints it')
    parser.add_argument('--overwrite', action='store_true', help='replace earlier files')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, read, write."""
    parser = build_parser()
    args = parser.parse_args(argv)
    files = [name for name in (args.out, args.markdown, args.json) if name and name != STANDARD_OUTPUT]
    if args.out == STANDARD_OUTPUT:
        parser.error('--out -: the page needs a file')
    if args.markdown == args.json == STANDARD_OUTPUT:
        parser.error('--markdown - and --json -: only one of them can be printed')
    if not args.run and not args.clearml:
        parser.error('nothing to compare: give RUN, or --clearml PROJECT')
    if args.publish and not args.clearml:
        parser.error('--publish: into which ClearML project? Name it with --clearml PROJECT')
    for name in files:
        if Path(name).exists() and not args.overwrite:
            raise InputError(f'{name}: exists already; name another place or replace it with --overwrite')

    from mmseg_ext.reports.compare import compare_runs, write_outputs
    from mmseg_ext.runs.reading import read_runs

    runs = read_runs(args.run)
    if args.clearml:
        from mmseg_ext.tracking.clearml import read_project

        with contextlib.redirect_stdout(sys.stderr):  # the SDK talks
            runs += read_project(args.clearml, runs)
    comparison = compare_runs(runs)
    printed = write_outputs(
        comparison,
        page=args.out,
        markdown=args.markdown,
        document=args.json,
        title=args.title,
        pictures=not args.no_pictures,
    )
    for one in comparison.runs:
        if one.reason:
            print(f'{one.name}: {one.status}: {one.reason}', file=sys.stderr)
    print(printed, end='')
    if args.publish:
        from mmseg_ext.tracking.clearml import publish

        with contextlib.redirect_stdout(sys.stderr):
            page, address = publish(comparison, args.clearml)
        print(f'published: {page}')
        print(f'compare: {address}' if address else 'compare: fewer than two of these runs have a task on the server')
    return 0 if comparison.kinds else 1
