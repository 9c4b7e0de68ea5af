"""Compute the weights that make rare classes count in a loss."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.eda.class_weights import METHODS, check_out, class_weights, write_weights

EXAMPLE = 'python tools/class_weights.py data/pets --method median-frequency --out class_weights.json'


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, compute, print."""
    parser = ArgumentParser(
        'Compute the weights of the classes from how many pixels each has, and print them as JSON:\n'
        '{"classes": [...], "weights": [...]}. Ignored pixels are not counted.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set: a folder with dataset.yaml and <label set>/<split>/')
    parser.add_argument('--labels', default='labels', metavar='NAME', help='label set (default: labels)')
    parser.add_argument('--split', default='train', metavar='NAME', help='which split (default: train)')
    parser.add_argument(
        '--method', choices=list(METHODS), default='median-frequency', help='how (default: median-frequency)'
    )
    parser.add_argument(
        '--per-image',
        action='store_true',
        help='with median-frequency: the frequency of a class within the images that show it (Eigen and Fergus 2015)',
    )
    parser.add_argument(
        '--out',
        metavar='FILE',
        help="also write them to a file that a config's class_weight= takes: .json for the losses of mmseg_ext, .npy "
        "for mmsegmentation's own as well",
    )
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    args = parser.parse_args(argv)
    if args.out is not None:
        check_out(args.out, args.overwrite)
    result = class_weights(args.data, args.labels, args.split, args.method, args.per_image)
    if args.out is not None:
        write_weights(args.out, result)
    print(json.dumps(result, ensure_ascii=False))
