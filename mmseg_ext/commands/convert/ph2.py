"""Convert PH² (200 dermoscopic images of skin lesions) into the project's layout."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.converters.ph2 import convert_ph2

EXAMPLE = 'python tools/dataset_converters/ph2.py downloads/PH2Dataset data/ph2 --width 384'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, convert, say what was done."""
    parser = ArgumentParser(__doc__ or '', EXAMPLE)
    parser.add_argument('source', metavar='SOURCE', help='unpacked archive: PH2_dataset.txt, "PH2 Dataset images"')
    parser.add_argument('data', metavar='DATA', help='data set to write; an interrupted run goes on')
    parser.add_argument('--width', type=int, metavar='PX', help='shrink to this width (default: as published)')
    parser.add_argument('--val', type=int, metavar='N', default=40, help='cases in val (default 40)')
    parser.add_argument('--test', type=int, metavar='N', default=40, help='cases in test (default 40)')
    parser.add_argument('--seed', type=int, metavar='N', default=0, help='of the split (default 0)')
    parser.add_argument('--overwrite', action='store_true', help='begin anew a set that a converter made')
    args = parser.parse_args(argv)
    done = convert_ph2(args.source, args.data, args.width, args.val, args.test, args.seed, args.overwrite)
    print(f'{args.data}: {done}')
