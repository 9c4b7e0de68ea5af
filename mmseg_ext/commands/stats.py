"""Measure a data set: class balance, areas, brightness and contrast, positions, and drift between splits."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext stats data/pets --out work_dirs/statistics'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Measure a data set, and the drift of each split from train: class balance, object areas, positions,\n'
        'brightness and contrast with the background. For a split without masks, only the images are measured.',
        EXAMPLE,
    )
    cli.add_data_arguments(parser)
    parser.add_argument(
        '--reference', default='train', metavar='SPLIT', help='split to measure drift from (default: train)'
    )
    parser.add_argument(
        '--background', default='', metavar='NAME', help='background class, or none (default: the first)'
    )
    parser.add_argument('--out', metavar='D', help='folder for statistics.md, the tables as CSV and the plots')
    cli.add_workers_argument(parser)
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier result in D')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print the tables."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.stats import measure_data

    result = measure_data(
        args.data, args.labels, args.splits, reference=args.reference, background=args.background, out=args.out,
        overwrite=args.overwrite, workers=args.workers,
    )  # fmt: skip
    console = cli.console(140)
    for table in result.tables.values():
        console.print(table.rich())
    if result.page is not None:
        print(f'tables and plots: {result.page}')
    return cli.report_left_out(result.statistics.left_out)
