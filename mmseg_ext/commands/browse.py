"""Show augmented samples as one picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.progress import track
from mmseg_ext.runs.options import parse_options

EXAMPLE = """PETS_ROOT=DATA python tools/browse.py configs/pets/NAME.py --n 16 --out browse.png
  python tools/browse.py configs/pets/NAME.py --index 3 --only RandomScaleRotateShift --out one.png"""


def _png(name: str) -> str:
    if not name.lower().endswith('.png'):
        raise argparse.ArgumentTypeError(f'{name} must end in .png')
    return name


def build_parser() -> cli.ArgumentParser:
    """The tool's arguments."""
    parser = cli.ArgumentParser(
        'Draw the samples that a training with this config and seed sees first, beside their photographs and under\n'
        'their masks, into one PNG. Ignored pixels are grey.',
        EXAMPLE,
    )
    parser.add_argument('config', help='config file of the experiment')
    parser.add_argument('--n', type=cli.positive, default=16, metavar='N', help='samples (default 16)')
    parser.add_argument('--split', choices=['train', 'val', 'test'], default='train', help='whose pipeline and photos')
    parser.add_argument('--seed', type=int, metavar='N', help="random seed (default: the config's)")
    parser.add_argument('--index', type=int, metavar='I', help='sample I of the data set, n times')
    parser.add_argument(
        '--only', metavar='TYPE,TYPE', help='only these transforms beside loading and packing; "" for none of them'
    )
    parser.add_argument('--out', type=_png, default='browse.png', metavar='FILE.png', help='default: browse.png')
    parser.add_argument('--height', type=cli.positive, default=192, metavar='PX', help='of a picture (default 192)')
    parser.add_argument('--overwrite', action='store_true', help='replace the file')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the config')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, draw, say where the picture lies."""
    args = build_parser().parse_args(argv)
    options = parse_options(args.cfg_options)
    from mmseg_ext.workflows.browse import browse

    only = None if args.only is None else [name for name in args.only.split(',') if name]
    samples = browse(
        args.config, args.out, args.n, args.split, args.seed, args.index, only, options, args.height, args.overwrite,
        track=lambda samples: track(samples, 'drawing', args.n),
    )  # fmt: skip
    print(f'{args.out}: {len(samples)} samples')
    return 0
