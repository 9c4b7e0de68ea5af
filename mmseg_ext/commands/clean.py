"""Mend masks by geometric rules, into a new label set."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.data.classes import Classes
from mmseg_ext.eda.cleaning import RULES, CleaningReport, Thresholds, clean_label_set
from mmseg_ext.errors import InputError

EXAMPLE = 'python tools/clean_masks.py data/pets --labels labels --out labels_clean'
PAGE = 'cleaning.html'
TABLES = 'cleaning.csv, cleaning.json'


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    parser = ArgumentParser(_description(), EXAMPLE)
    parser.add_argument('data', metavar='DATA', help='data set with dataset.yaml')
    parser.add_argument('--labels', metavar='NAME', required=True, help='label set to mend; it is not changed')
    parser.add_argument('--out', metavar='NAME2', required=True, help='label set to write beside it')
    parser.add_argument('--splits', metavar='A,B', help='which splits (default: all)')
    parser.add_argument('--rules', metavar='A,B', help='which rules (default: all)')
    parser.add_argument(
        '--set', nargs='+', action='extend', default=[], metavar='NAME=VALUE', help='change thresholds of the rules'
    )
    parser.add_argument(
        '--thorough',
        action='store_true',
        help='mend tiny regions and holes beside finely detailed outlines too, where they may be meant',
    )
    parser.add_argument('--dry-run', action='store_true', help='say what would be done, and leave DATA as it is')
    parser.add_argument('--report', metavar='D', help='also write tables and page to this new folder')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier cleaned label set or report')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, clean, print the tables."""
    args = build_parser().parse_args(argv)
    limits = Thresholds().thorough() if args.thorough else Thresholds()
    target = Path(args.report) if args.report else None
    if target and target.exists() and not args.overwrite:
        raise InputError(f'{target}: exists already; name another folder or add --overwrite')

    def write_page(report: CleaningReport, folder: Path) -> None:
        from mmseg_ext.reports.cleaning_page import write_cleaning_page

        if target or not args.dry_run:
            write_cleaning_page(folder / PAGE, report, args.data, folder, Classes.read(args.data))
        if target:
            report.write_tables(target)
            write_cleaning_page(target / PAGE, report, args.data, folder, Classes.read(args.data))

    report = clean_label_set(
        args.data,
        args.labels,
        args.out,
        splits=None if args.splits is None else _split(args.splits),
        rules=tuple(RULES) if args.rules is None else _split(args.rules),
        limits=limits.changed(args.set),
        dry_run=args.dry_run,
        overwrite=args.overwrite,
        finish=write_page,
    )
    _print(report)
    if args.dry_run:
        print(f'dry run: {Path(args.data) / args.out} was not written')
    else:
        print(f'{Path(args.data) / args.out}: masks, {TABLES}, {PAGE}')
    if target:
        print(f'{target}: {TABLES}, {PAGE}')
    return 0


def _description() -> str:
    rules = '\n'.join(f'  {name:<10} {(rule.__doc__ or "").splitlines()[0]}' for name, rule in RULES.items())
    thresholds = ', '.join(f'{field.name}={field.default}' for field in fields(Thresholds))
    wrapped = textwrap.fill(thresholds, width=110, initial_indent='  ', subsequent_indent='  ')
    return (
        'Mend masks by geometric rules, into a new label set with a table and a page of all changes.\n'
        f'Class 0 is the ground; ignored pixels stay ignored.\n\nrules:\n{rules}\n\n'
        f'thresholds (docs/cleaning.md says what they mean):\n{wrapped}'
    )


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(',') if name.strip()]


def _print(report: CleaningReport, most: int = 20) -> None:
    """The changes by file (the largest), and by rule."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if os.isatty(1) else 110)
    largest = sorted(report.changes, key=lambda entry: -entry.change.pixels)[:most]
    if largest:
        title = 'largest changes' if len(report.changes) > most else 'changes'
        table = Table('split', 'stem', 'rule', 'pixels', 'regions before', 'after', title=title)
        for entry in largest:
            split, stem, _, rule, *numbers = entry.row()
            table.add_row(split, stem, rule, *map(str, numbers))
        console.print(table)
    table = Table('rule', 'files', 'pixels', title=f'{report.labels} → {report.out}')
    for rule, files, pixels in report.totals():
        table.add_row(rule, str(files), str(pixels))
    console.print(table)
    print(f'{len(report.changed_files())} of {report.masks} masks changed')
