"""Draw the synthetic pets: a small data set with exact masks and planted annotation defects."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.demo.contact_sheet import write_contact_sheet
from mmseg_ext.demo.generate import SPLITS, DemoSettings, make_demo_data, summarize


def _png(name: str) -> str:
    """The name of a PNG, refused before any work is done if it is none."""
    if not name.lower().endswith('.png'):
        raise argparse.ArgumentTypeError(f'{name} must end in .png')
    return name


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, make the set, say what was made."""
    parser = cli.ArgumentParser(__doc__ or '', 'python tools/make_demo_data.py data/demo --seed 0 --sheet demo.png')
    parser.add_argument(
        'data', metavar='DATA', help='folder to make; one that holds anything but a demo set is left alone'
    )
    default = DemoSettings()
    parser.add_argument(
        '--train', type=int, metavar='N', default=default.train, help=f'train images (default {default.train})'
    )
    parser.add_argument('--val', type=int, metavar='N', default=default.val, help=f'val images (default {default.val})')
    parser.add_argument(
        '--test', type=int, metavar='N', default=default.test, help=f'test images (default {default.test})'
    )
    parser.add_argument(
        '--size', type=int, metavar='S', default=default.size, help=f'side in pixels (default {default.size})'
    )
    parser.add_argument(
        '--seed', type=int, metavar='N', default=default.seed, help=f'seed of all chance (default {default.seed})'
    )
    parser.add_argument(
        '--defects', type=float, metavar='SHARE', default=default.defects,
        help=f'share of train and val masks to spoil (default {default.defects}); test masks stay true',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='replace a demo set made with other settings')
    parser.add_argument(
        '--sheet', type=_png, metavar='FILE.png', help='also write a picture of the set: images beside their true masks'
    )
    args = parser.parse_args(argv)
    settings = DemoSettings(args.train, args.val, args.test, args.size, args.seed, args.defects)
    made = make_demo_data(args.data, settings, args.overwrite)
    print(f'{args.data}: made' if made else f'{args.data}: already there')
    print(summarize(args.data))
    if args.sheet:
        write_contact_sheet(args.data, args.sheet, split=next(s for s in SPLITS if settings.count(s)))
        print(f'{args.sheet}: contact sheet')
