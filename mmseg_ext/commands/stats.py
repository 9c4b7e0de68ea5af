"""Measure a data set: class balance, areas, brightness and contrast, positions, and drift between splits."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'python tools/statistics.py data/pets --out work_dirs/statistics'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print the tables."""
    parser = ArgumentParser(
        'Measure a data set, each split beside the train split: class balance, object areas, brightness and contrast\n'
        'against the ground, positions. A split without masks is measured by its images.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set: dataset.yaml, img/<split>/ and <label set>/<split>/')
    parser.add_argument('--labels', default='labels', metavar='NAME', help='label set (default: labels)')
    parser.add_argument('--splits', metavar='A,B', help='which splits (default: all)')
    parser.add_argument(
        '--reference', default='train', metavar='SPLIT', help='the split that drift is measured from (default: train)'
    )
    parser.add_argument(
        '--background', default='', metavar='NAME', help='class that is ground and no object (default: the first)'
    )
    parser.add_argument('--out', metavar='D', help='folder for statistics.md, the tables as CSV and the plots')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier result in D')
    args = parser.parse_args(argv)
    from rich.console import Console

    from mmseg_ext.eda.statistics import check_out, collect_statistics, make_tables, measure_drift, write_report

    if args.out is not None:
        check_out(args.out, args.overwrite)
    splits = args.splits.split(',') if args.splits else None
    measured = collect_statistics(args.data, args.labels, splits, background=args.background)
    drifts = measure_drift(measured, args.reference)
    tables = make_tables(measured, args.reference, drifts)
    console = Console(width=None if os.isatty(1) else 140)
    for table in tables.values():
        console.print(table.rich())
    if args.out is not None:
        page = write_report(args.out, measured, tables, drifts, reference=args.reference, overwrite=args.overwrite)
        print(f'tables and plots: {page}')
