"""Merge predictions of tiles into masks of the whole images."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext stitch data/fields-512 work_dirs/predicted --out work_dirs/whole'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        f'{__doc__}\n\n'
        'Class probabilities are averaged where PREDICTIONS has them (predict --probabilities); otherwise each pixel\n'
        'comes from the tile in which it is farthest from the border.',
        EXAMPLE,
        flags={'tiles': 'TILES', 'predictions': 'PREDICTIONS'},
    )
    parser.add_argument('tiles', metavar='TILES', help='data set made by mmseg-ext tile')
    parser.add_argument(
        'predictions', metavar='PREDICTIONS', help='result folder of test or predict, or a label set of TILES'
    )
    parser.add_argument('--out', metavar='D', required=True, help='folder for masks/ and dataset.yaml')
    parser.add_argument('--overwrite', action='store_true', help='replace existing files')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, put together, print the counts."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.eda.audit.findings import counted
    from mmseg_ext.workflows.tile import stitch_predictions

    report = stitch_predictions(args.tiles, args.predictions, args.out, overwrite=args.overwrite)
    if report.absent:
        print(f'{counted(report.absent, "image")} {"has" if report.absent == 1 else "have"} no prediction')
    print(f'{args.out}: {report.images:,} masks from {report.tiles:,} tiles')
    return cli.report_left_out([str(error) for error in report.failed])
