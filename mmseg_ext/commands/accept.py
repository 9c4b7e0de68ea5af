"""Accept the masks that a label ranking suggests, as a new label set."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext accept data/pets work_dirs/ranking --top 20 --to labels_auto'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Write a new label set in which the most suspicious masks of a ranking are replaced by the suggestions, or\n'
        'ignored where the two differ. The ranked label set is not changed.',
        EXAMPLE,
        flags={'out': '--to'},
    )
    parser.add_argument('data', metavar='DATA', help='data set that was ranked')
    parser.add_argument('ranking', metavar='RANKING', help='folder written by mmseg-ext rank')
    cli.add_new_labels(parser, 'name of the new label set')
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('--top', type=int, metavar='N', help='the N most suspicious masks')
    which.add_argument('--stems', metavar='FILE', help='the masks whose stems are listed in FILE, one per line')
    parser.add_argument(
        '--mode',
        choices=['replace', 'ignore'],
        default='replace',
        help='take the suggestion, or ignore where they differ',
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, accept, print the counts."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.accept import accept_labels

    done, folder = accept_labels(args.data, args.ranking, args.to, top=args.top, stems=args.stems, mode=args.mode)
    print(f'{done.changed_masks} of {done.masks} masks changed, {done.changed_pixels:,} pixels')
    print(f'label set: {folder}')
    return 0
