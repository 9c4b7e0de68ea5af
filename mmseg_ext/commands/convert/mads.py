"""Convert MADS (persons in martial arts, dancing and sports, 1,192 frames) into the project's layout.

All frames of a performance, whichever camera took them, go to one split.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.converters.mads import GROUP, convert_mads

EXAMPLE = 'python tools/dataset_converters/mads.py downloads/segmentation_full_body_mads_dataset_1192_img data/mads'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, convert, say what was done."""
    parser = ArgumentParser(__doc__ or '', EXAMPLE)
    parser.add_argument('source', metavar='SOURCE', help='unpacked archive: images, masks')
    parser.add_argument('data', metavar='DATA', help='data set to write; an interrupted run goes on')
    parser.add_argument('--val', type=float, metavar='SHARE', default=0.2, help='share of val (default 0.2)')
    parser.add_argument('--test', type=float, metavar='SHARE', default=0.2, help='share of test (default 0.2)')
    parser.add_argument('--seed', type=int, metavar='N', default=0, help='of the split (default 0)')
    parser.add_argument(
        '--group',
        metavar='REGEX',
        default=GROUP,
        help=f'matches a whole stem; what its first group holds stays in one split (default {GROUP})',
    )
    parser.add_argument('--overwrite', action='store_true', help='begin anew a set that a converter made')
    args = parser.parse_args(argv)
    done = convert_mads(args.source, args.data, args.val, args.test, args.seed, args.group, args.overwrite)
    print(f'{args.data}: {done}')
