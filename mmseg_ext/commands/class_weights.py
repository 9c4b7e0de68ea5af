"""Compute the weights that make rare classes count in a loss."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

from mmseg_ext.commands import cli
from mmseg_ext.eda.class_weights import METHODS, Absent

EXAMPLE = 'mmseg-ext class-weights data/pets --method median-frequency --out class_weights.json'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Compute class weights from the number of pixels of each class, and print them as JSON:\n'
        '{"classes": [...], "weights": [...]}. Ignored pixels are not counted.',
        EXAMPLE,
    )
    cli.add_data_arguments(parser, splits=False)
    parser.add_argument('--split', default='train', metavar='NAME', help='split (default: train)')
    parser.add_argument(
        '--method', choices=list(METHODS), default='median-frequency', help='method (default: median-frequency)'
    )
    parser.add_argument(
        '--per-image',
        action='store_true',
        help='with median-frequency: measure a frequency only in images with the class (Eigen and Fergus 2015)',
    )
    parser.add_argument(
        '--absent',
        choices=get_args(Absent),
        default='refuse',
        help='weight of a class without pixels: refuse (an error, default), largest (of the others) or zero',
    )
    parser.add_argument(
        '--out',
        metavar='FILE',
        help="also write them to a file for class_weight= in a config: .json for mmseg_ext's losses, .npy for "
        "mmsegmentation's too",
    )
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, compute, print."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.class_weights import compute_class_weights

    weights = compute_class_weights(
        args.data, args.labels, args.split, method=args.method, per_image=args.per_image, absent=args.absent,
        out=args.out, overwrite=args.overwrite,
    )  # fmt: skip
    left_out = weights.pop('left_out', [])
    print(json.dumps(weights, ensure_ascii=False))
    return cli.report_left_out(left_out)
