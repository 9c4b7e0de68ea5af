"""Cut large images and their masks into overlapping tiles, as a new data set."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext tile data/fields --out data/fields-512 --size 512 --overlap 64'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        f'{__doc__}\n\n'
        'All tiles of an image stay in its split. The last tile of a row or column is moved back to end at the\n'
        'border; an image smaller than a tile is padded with ignored pixels. mmseg-ext stitch merges the predictions.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set: dataset.yaml, img/<split>/, <label set>/<split>/')
    parser.add_argument('--out', metavar='D', required=True, help='data set to write')
    parser.add_argument('--size', type=cli.positive, metavar='PX', default=512, help='side of a tile (default 512)')
    parser.add_argument(
        '--overlap', type=int, metavar='PX', default=64, help='minimum overlap of neighbouring tiles (default 64)'
    )
    parser.add_argument('--labels', type=cli.names, metavar='A,B', help='label sets (default: all)')
    parser.add_argument('--splits', type=cli.names, metavar='A,B', help='splits, separated by commas (default: all)')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier result')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, cut, print the counts."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.eda.audit.findings import counted
    from mmseg_ext.workflows.tile import tile_data_set

    report = tile_data_set(
        args.data, args.out, size=args.size, overlap=args.overlap, labels=args.labels, splits=args.splits,
        overwrite=args.overwrite,
    )  # fmt: skip
    if report.padded:
        images = f'{counted(report.padded, "image")} {"is" if report.padded == 1 else "are"}'
        print(f'{images} smaller than a tile: padded with ignored pixels')
    if report.absent:
        print(f'{counted(report.absent, "mask")} {"is" if report.absent == 1 else "are"} missing')
    print(f'{args.out}: {report.tiles:,} tiles from {report.images:,} images')
    return cli.report_left_out([str(error) for error in report.failed])
