"""Cut objects of chosen classes out of COCO photographs, with masks, into the project's layout.

All crops of a photograph go to one split. Crowds are ignored. An object within the crop of a larger one gets no crop of
its own, but is in the mask.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.converters.coco import CropOptions, convert_coco, read_ids
from mmseg_ext.converters.palette import split_names

EXAMPLE = """python tools/dataset_converters/coco.py \\
    downloads/annotations/instances_train2017.json downloads/train2017 data/coco-pets --classes cat,dog"""


def _size(text: str) -> int | None:
    """A number of pixels, or None for ``native``."""
    if text == 'native':
        return None
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'{text} is neither a number of pixels nor native')
    return int(text)


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    default = CropOptions(())
    parser = ArgumentParser(__doc__ or '', EXAMPLE)
    parser.add_argument('annotations', metavar='ANNOTATIONS', help='instances_*.json')
    parser.add_argument('images', metavar='IMAGES', help='folder of the photographs')
    parser.add_argument('data', metavar='DATA', help='data set to write; an interrupted run goes on')
    parser.add_argument('--classes', metavar='A,B', required=True, help='categories in the order of their ids, from 1')
    parser.add_argument(
        '--min-area', type=float, metavar='PX', default=default.min_area,
        help=f'pixels that an object must cover to get a crop (default {default.min_area})',
    )  # fmt: skip
    parser.add_argument(
        '--margin', type=float, metavar='SHARE', default=default.margin,
        help=f'ground around an object, as a share of the longer side of its box (default {default.margin})',
    )  # fmt: skip
    parser.add_argument(
        '--size', type=_size, metavar='PX', default=default.size,
        help=f'side of the square crops, or "native": neither square nor resized (default {default.size})',
    )  # fmt: skip
    parser.add_argument('--val', type=float, metavar='SHARE', default=default.val, help='share of val (default 0.2)')
    parser.add_argument('--test', type=float, metavar='SHARE', default=default.test, help='share of test (default 0.2)')
    parser.add_argument('--seed', type=int, metavar='N', default=default.seed, help='of the split (default 0)')
    parser.add_argument(
        '--exclude', metavar='FILE', help='leave out the photographs of which it lists the ids or file names'
    )
    parser.add_argument('--overwrite', action='store_true', help='begin anew a set that a converter made')
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, convert, say what was done."""
    args = build_parser().parse_args(argv)
    options = CropOptions(
        tuple(split_names(args.classes)), args.min_area, args.margin, args.size, args.val, args.test, args.seed
    )
    exclude = read_ids(args.exclude) if args.exclude else set()
    done = convert_coco(args.annotations, args.images, args.data, options, exclude, args.overwrite)
    print(f'{args.data}: {done}')
