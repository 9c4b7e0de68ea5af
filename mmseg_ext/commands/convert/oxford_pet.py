"""Convert Oxford-IIIT Pet into the project's layout: background, cat, dog; the border of each trimap is ignored."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.converters.oxford_pet import convert_oxford_pet

EXAMPLE = 'python tools/dataset_converters/oxford_pet.py downloads/oxford-iiit-pet data/oxford-pet'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, convert, say what was done."""
    parser = ArgumentParser(__doc__ or '', EXAMPLE)
    parser.add_argument('source', metavar='SOURCE', help='unpacked archives: images, annotations')
    parser.add_argument('data', metavar='DATA', help='data set to write; an interrupted run goes on')
    parser.add_argument(
        '--val', type=float, metavar='SHARE', default=0.2, help='share of the trainval of each breed (default 0.2)'
    )
    parser.add_argument('--seed', type=int, metavar='N', default=0, help='of the choice of val (default 0)')
    parser.add_argument('--overwrite', action='store_true', help='begin anew a set that a converter made')
    args = parser.parse_args(argv)
    print(f'{args.data}: {convert_oxford_pet(args.source, args.data, args.val, args.seed, args.overwrite)}')
