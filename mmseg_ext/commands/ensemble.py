"""Join models into one whose class probabilities are averaged."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = """mmseg-ext ensemble work_dirs/A work_dirs/B model.onnx --weights 2,1,1 --out ensemble.yaml
  mmseg-ext test ensemble.yaml --data data/pets --split val
  mmseg-ext predict ensemble.yaml images --out predicted
  mmseg-ext export ensemble.yaml --out ensemble.onnx"""


def _weights(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(','))
    except ValueError:
        values = ()
    if not values or not all(0 < value < 1e6 for value in values):
        raise argparse.ArgumentTypeError(f'{text}: must be numbers above 0, separated by commas')
    return values


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Write a file that lists models with the same classes. test, predict, serve and export accept it in place of\n'
        'a model: each member uses its own image size and normalisation, and their probabilities are averaged.',
        EXAMPLE,
    )
    parser.usage = '%(prog)s (RUN | CHECKPOINT | CONFIG CHECKPOINT | MODEL.onnx)... --out FILE [options]'
    parser.add_argument(
        'models', nargs='+', metavar='RUN',
        help='a work dir (its best checkpoint), a .pth in its work dir, a config and its .pth, or an .onnx file',
    )  # fmt: skip
    parser.add_argument('--out', metavar='FILE', required=True, help='the .yaml file to write')
    parser.add_argument('--weights', type=_weights, metavar='A,B', help='weight of each model (default: equal)')
    parser.add_argument('--tta', action='store_true', help='use test-time augmentation in each model')
    parser.add_argument('--overwrite', action='store_true', help='replace the file')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, check the models, write the file."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.ensemble import make_ensemble

    entries = make_ensemble(args.models, args.out, weights=args.weights, tta=args.tta, overwrite=args.overwrite)
    for entry in entries:
        print(f'{entry.weight:g} × {entry.name}')
    print(f'ensemble: {args.out}')
    return 0
