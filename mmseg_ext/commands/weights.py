"""List, get and convert pretrained weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.commands import cli
from mmseg_ext.workflows import weights

EXAMPLE = 'mmseg-ext weights get mit-b0'
COLUMNS = ('name', 'source', 'licence', 'MB', 'top-1', 'where')


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the command, with its sub-commands."""
    parser = cli.ArgumentParser(f'{__doc__}\nIn a config, write weights://NAME. See docs/weights.md.', EXAMPLE)
    commands = parser.add_subparsers(required=True, metavar='COMMAND', dest='command', parser_class=cli.ArgumentParser)
    table = commands.add_parser(
        'list', help='list all weights and where they are', example='mmseg-ext weights list',
        description='List all weights: source, licence, size in MB, published ImageNet top-1, and where each is '
        '(folder $MMSEG_EXT_WEIGHTS, package, cache) or how to get it.',
    )  # fmt: skip
    table.add_argument('--markdown', action='store_true', help='print a Markdown table')
    get = commands.add_parser(
        'get', help='find or download weights', example=EXAMPLE,
        description='Find weights on this machine or download them into the cache, and print the path of each.',
    )  # fmt: skip
    get.add_argument('names', nargs='+', metavar='NAME', help='names from `mmseg-ext weights list`')
    convert = commands.add_parser(
        'convert', help="convert other libraries' files to our keys",
        example='mmseg-ext weights convert mobilenet_v2-b0353104.pth --backbone mobilenet-v2 mobilenet_v2_imagenet.pth',
        description='Write the weights of a published file (torchvision, timm, ONNX model zoo) under the keys of the '
        'backbones here and in mmsegmentation. Folded batch norms cannot be converted.',
    )  # fmt: skip
    convert.add_argument('source', type=Path, metavar='SOURCE', help='.pth with tensors only, or .onnx')
    convert.add_argument(
        '--backbone', required=True, choices=weights.KINDS, metavar='KIND', help=', '.join(weights.KINDS)
    )
    convert.add_argument('out', type=Path, metavar='OUT', help='.pth file to write')
    convert.add_argument('--overwrite', action='store_true', help='replace OUT')
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, run, print."""
    args = build_parser().parse_args(argv)
    if args.command == 'list':
        _print_table(args)
    elif args.command == 'get':
        for path in weights.get_weights(args.names):
            print(path, flush=True)
    else:
        converted = weights.convert_weights(args.source, args.backbone, args.out, args.overwrite)
        print(
            f'{args.out}: {len(converted.state)} of {len(converted.state) + len(converted.dropped)} tensors, '
            f'converted from the layout of {converted.source}'
        )


def _print_table(args: Any) -> None:
    from rich import box
    from rich.table import Table

    table = Table(*COLUMNS, box=box.MARKDOWN if args.markdown else box.SIMPLE)
    for column in table.columns[3:5]:
        column.justify = 'right'
    for row in weights.list_weights():
        entry = row.weights
        top1 = f'{entry.top1:.1f}' if entry.top1 is not None else '–'
        table.add_row(entry.name, entry.source, entry.licence, f'{entry.megabytes:.1f}', top1, row.where)
    cli.console(160).print(table)
