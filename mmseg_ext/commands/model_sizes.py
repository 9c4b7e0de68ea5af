"""Show how large models are and how much they compute."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser, positive
from mmseg_ext.progress import track

EXAMPLE = 'python tools/model_sizes.py configs/_base_/models/fpn_*.py --size 512'
COLUMNS = ('model', 'parameters (M)', 'GFLOPs')


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, measure, print the table."""
    parser = ArgumentParser(
        'Build models with random weights; count their parameters, and the multiply-adds of one image (10⁹).', EXAMPLE
    )
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='experiments, or files of configs/_base_/models')
    parser.add_argument(
        '--size', type=positive, default=256, metavar='S', help='side of the image in pixels (default 256)'
    )
    parser.add_argument('--markdown', action='store_true', help='print a Markdown table')
    args = parser.parse_args(argv)
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from mmseg_ext.workflows.model_sizes import measure_models

    table = Table(*COLUMNS, box=box.MARKDOWN if args.markdown else box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = 'right'
    sizes = measure_models(track(args.configs, 'measuring', len(args.configs)), (args.size, args.size))
    for row in sorted(sizes, key=lambda row: row.parameters):
        table.add_row(*row.cells())
    Console(width=None if os.isatty(1) else 140).print(table)
