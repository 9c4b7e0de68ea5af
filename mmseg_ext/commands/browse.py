"""Draw augmented samples into one PNG."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.runs.options import parse_options

EXAMPLE = """mmseg-ext browse pets/NAME --n 16 --out browse.png
  mmseg-ext browse pets/NAME --index 3 --only RandomScaleRotateShift --out one.png"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Draw the first samples of a training with this config and seed into one PNG, next to their source images and\n'
        'overlaid with their masks. Ignored pixels are grey.',
        EXAMPLE,
        flags={'count': '--n'},
    )
    parser.add_argument('config', metavar='CONFIG', help='experiment: a name (see mmseg-ext configs) or a file')
    parser.add_argument('--n', type=cli.positive, default=16, metavar='N', help='number of samples (default: 16)')
    parser.add_argument(
        '--split', choices=['train', 'val', 'test'], default='train', help='split to draw from (default: train)'
    )
    parser.add_argument('--seed', type=cli.whole, metavar='N', help="random seed (default: the config's)")
    parser.add_argument('--index', type=int, metavar='I', help='draw sample I of the data set, N times')
    parser.add_argument(
        '--only',
        type=cli.names,
        metavar='A,B',
        help='keep only these transforms between loading and packing; "" for none',
    )
    parser.add_argument(
        '--out', type=cli.png, default='browse.png', metavar='FILE.png', help='PNG to write (default: browse.png)'
    )
    parser.add_argument(
        '--height', type=cli.positive, default=192, metavar='PX', help='height of a picture (default: 192)'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace the file')
    cli.add_config_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, draw, print where the picture is."""
    args = build_parser().parse_args(argv)
    options = parse_options(args.cfg_options)
    from mmseg_ext.workflows.browse import browse

    samples = browse(
        args.config,
        args.out,
        args.n,
        args.split,
        args.seed,
        args.index,
        args.only,
        options,
        args.height,
        args.overwrite,
    )
    print(f'{args.out}: {len(samples)} samples')
    return 0
