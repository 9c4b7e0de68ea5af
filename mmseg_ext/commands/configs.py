"""List the experiments that come with mmseg_ext."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.errors import InputError

EXAMPLE = """mmseg-ext configs unet
  mmseg-ext configs 'demo/*' --names"""


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'List the experiments that come with mmseg_ext, each with the first line of its description. Every command\n'
        'that takes a CONFIG accepts such a name or the path of a file.',
        EXAMPLE,
    )
    parser.add_argument(
        'pattern', nargs='?', metavar='PATTERN', help='part of a name, or a pattern for the whole name with * or ?'
    )
    parser.add_argument('--names', action='store_true', help='print only the names')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, list."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.runs.config_names import describe_config, list_configs

    configs = list_configs(args.pattern)
    if not configs:
        raise InputError(f'`pattern={args.pattern}`', 'matches no experiment', exit_code=1)
    width = max(map(len, configs))
    for name, path in configs.items():
        print(name if args.names else f'{name:<{width}}  {describe_config(path)}')
    return 0
