"""Make the synthetic pets: a small data set with exact masks and planted annotation defects."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.demo.generate import DemoSettings

EXAMPLE = 'mmseg-ext demo data/demo --seed 0 --sheet demo.png'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    default = DemoSettings()
    parser = cli.ArgumentParser(__doc__ or '', EXAMPLE)
    parser.add_argument(
        'data', metavar='DATA', help='folder to make; a folder that holds anything but a demo set is left alone'
    )
    for name, metavar, text in (
        ('train', 'N', 'train images'),
        ('val', 'N', 'val images'),
        ('test', 'N', 'test images'),
        ('size', 'PX', 'side in pixels'),
        ('seed', 'N', 'random seed'),
    ):
        value = getattr(default, name)
        parser.add_argument(
            f'--{name}', type=cli.whole, metavar=metavar, default=value, help=f'{text} (default: {value})'
        )
    parser.add_argument(
        '--defects', type=float, metavar='SHARE', default=default.defects,
        help=f'share of train and val masks with defects (default: {default.defects}); test masks are exact',
    )  # fmt: skip
    parser.add_argument(
        '--overwrite', action='store_true', help='replace the sheet, and a demo set made with other settings'
    )
    parser.add_argument(
        '--sheet', type=cli.png, metavar='FILE.png', help='also draw the set: images next to their true masks'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, make the set, print what was made."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.demo.generate import summarize
    from mmseg_ext.workflows.demo import make_demo

    settings = DemoSettings(args.train, args.val, args.test, args.size, args.seed, args.defects)
    made = make_demo(args.data, settings, sheet=args.sheet, overwrite=args.overwrite)
    print(f'{args.data}: made' if made else f'{args.data}: already there')
    print(summarize(args.data))
    if args.sheet:
        print(f'{args.sheet}: contact sheet')
