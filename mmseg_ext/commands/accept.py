"""Accept the masks that a label ranking suggests, as a new label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'python tools/accept_labels.py data/pets work_dirs/ranking --top 20 --out labels_auto'


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    parser = ArgumentParser(
        'Write a new label set in which the most suspicious masks of a ranking are replaced by those of its models,\n'
        'or marked as unknown where the two differ. The label set that was ranked stays as it is.',
        EXAMPLE,
    )
    parser.add_argument('data', help='data set that was ranked')
    parser.add_argument('ranking', help='folder that tools/rank_labels.py wrote')
    parser.add_argument('--out', metavar='NAME', required=True, help='name of the new label set')
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument('--top', type=int, metavar='N', help='the N most suspicious masks')
    which.add_argument('--stems', metavar='FILE', help='those whose stems the file lists, one a line')
    parser.add_argument(
        '--mode', choices=['replace', 'ignore'], default='replace', help='take the suggestion, or neither (ignore)'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, write, print the counts."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.top is not None and args.top < 1:
        parser.error(f'--top {args.top}: must be 1 or more')
    from mmseg_ext.eda.quality import accept_suggestions, read_ranking, read_stems

    ranking = read_ranking(args.ranking)
    stems = read_stems(args.stems) if args.stems else ranking.stems[: args.top]
    suggestions = Path(args.ranking) / 'suggestions' / ranking.split
    done = accept_suggestions(args.data, ranking.labels, ranking.split, suggestions, stems, args.out, args.mode)
    print(f'{done.changed_masks} of {done.masks} masks changed, {done.changed_pixels:,} pixels')
    print(f'label set: {Path(args.data) / args.out / ranking.split}')
    return 0
