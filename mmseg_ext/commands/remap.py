"""Convert masks with foreign values into a new label set of class indices."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = """mmseg-ext remap data/mine --labels labels --to labels_ids --map 0=0 255=1 --dry-run
  mmseg-ext remap data/mine --labels exported --to labels --from exported/dataset.yaml --map cat=animal dog=animal
  mmseg-ext remap data/mine --labels colours --to labels --by-colour --map '#ffffff=ignored'"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Convert masks (other ids, 0/255, 16-bit, colours, reordered palettes, TIFF, BMP) to a new label set whose\n'
        'values are the classes of dataset.yaml. All values are counted first; a value without a mapping is an error.\n'
        'Details: docs/remap.md.',
        EXAMPLE,
        flags={'table': '--map', 'source': '--from'},
    )
    cli.add_data_arguments(parser, None)
    cli.add_new_labels(parser, 'label set to write')
    parser.add_argument(
        '--map', nargs='+', action='extend', default=[], metavar='FROM=TO',
        help='map a value, a range or an old class to a class (id or name) or to ignored: 255=1 0-127=0 cat=animal',
    )  # fmt: skip
    parser.add_argument(
        '--from', dest='source', metavar='FILE',
        help='dataset.yaml with the classes of the source masks; classes of the same name are mapped to each other',
    )  # fmt: skip
    colours = parser.add_mutually_exclusive_group()
    colours.add_argument('--by-colour', action='store_true', help='map RGB masks by the colours of dataset.yaml')
    colours.add_argument(
        '--by-palette', dest='by_colour', action='store_true', help='map palette PNGs by the colours of dataset.yaml'
    )
    colours.add_argument(
        '--reduce-zero-label',
        action='store_true',
        help='ignore 0 ("unlabelled"); subtract 1 from other values',
    )
    colours.add_argument(
        '--alpha', action='store_true', help='the mask is the alpha channel: map its values (0 transparent, 255 opaque)'
    )
    parser.add_argument('--keep-others', action='store_true', help='keep class ids without a mapping as they are')
    parser.add_argument('--dry-run', action='store_true', help='only count; write no label set')
    parser.add_argument('--json', metavar='FILE', help='write the counts as JSON')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier remapped label set')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, convert, print the counts before and after."""
    args = build_parser().parse_args(argv)
    from rich.table import Table

    from mmseg_ext.workflows.remap import remap_labels

    report = remap_labels(
        args.data, args.labels, args.to, table=args.map, source=args.source, by_colour=args.by_colour,
        reduce_zero_label=args.reduce_zero_label, keep_others=args.keep_others, alpha=args.alpha, splits=args.splits,
        dry_run=args.dry_run, json=args.json, overwrite=args.overwrite,
    )  # fmt: skip
    console = cli.console()
    table = Table('value', 'becomes', 'pixels', 'masks', title=f'{args.labels}, before')
    for value, becomes, pixels, masks in report.before():
        table.add_row(value, becomes, f'{pixels:,}', str(masks))
    console.print(table)
    table = Table('class', 'pixels', title=f'{args.to}, after')
    for name, pixels in report.after().items():
        table.add_row(name, f'{pixels:,}')
    console.print(table)
    print(f'dry run: {args.to} was not written' if args.dry_run else f'{args.to}: {report.masks} masks')
    return cli.report_left_out(report.left_out)
