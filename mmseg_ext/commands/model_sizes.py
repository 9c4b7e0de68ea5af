"""Count the parameters and multiply-adds of models."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext model-sizes _base_/models/fpn_r18 _base_/models/fpn_r50 --size 512'
COLUMNS = ('model', 'parameters (M)', 'GFLOPs')


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Build models with random weights; count their parameters and their multiply-adds per image (10⁹).', EXAMPLE
    )
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='experiments, or configs of _base_/models')
    parser.add_argument(
        '--size', type=cli.positive, default=256, metavar='PX', help='side of the image in pixels (default: 256)'
    )
    parser.add_argument('--markdown', action='store_true', help='print a Markdown table')
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print the table."""
    args = build_parser().parse_args(argv)
    from rich import box
    from rich.table import Table

    from mmseg_ext.workflows.model_sizes import measure_models

    table = Table(*COLUMNS, box=box.MARKDOWN if args.markdown else box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = 'right'
    sizes = measure_models(args.configs, (args.size, args.size))
    for size in sorted(sizes, key=lambda size: size.parameters):
        table.add_row(*size.cells())
    cli.console(140).print(table)
