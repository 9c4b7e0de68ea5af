"""Convert the segmentation part of PASCAL VOC into the project's layout: train and val, for chosen classes."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.converters.palette import split_names
from mmseg_ext.converters.voc import VOC_CLASSES, convert_voc

EXAMPLE = 'python tools/dataset_converters/voc.py downloads/VOCdevkit data/voc-pets --classes cat,dog'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, convert, say what was done."""
    parser = ArgumentParser(__doc__ or '', EXAMPLE)
    parser.add_argument('source', metavar='SOURCE', help='VOCdevkit, or VOC2012 in it')
    parser.add_argument('data', metavar='DATA', help='data set to write; an interrupted run goes on')
    parser.add_argument(
        '--classes',
        metavar='A,B',
        help='classes in the order of their ids, from 1; others are background (default: all)',
    )
    parser.add_argument('--keep-empty', action='store_true', help='keep photographs that show none of the classes')
    parser.add_argument('--overwrite', action='store_true', help='begin anew a set that a converter made')
    args = parser.parse_args(argv)
    classes = VOC_CLASSES if args.classes is None else split_names(args.classes)
    print(f'{args.data}: {convert_voc(args.source, args.data, classes, args.keep_empty, args.overwrite)}')
