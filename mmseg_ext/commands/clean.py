"""Repair masks by geometric rules, into a new label set."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from mmseg_ext.commands import cli
from mmseg_ext.eda.cleaning import DEFAULT_RULES, RULES, CleaningReport, Thresholds

EXAMPLE = 'mmseg-ext clean data/pets --labels labels --to labels_clean'
FILES = 'cleaning.csv, cleaning.json, cleaning.html'
MAX_ROWS = 20


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(_description(), EXAMPLE, flags={'out': '--to', 'pairs': '--set'})
    cli.add_data_arguments(parser, what='label set to repair; it is not changed')
    cli.add_new_labels(parser, 'name of the new label set')
    parser.add_argument(
        '--rules',
        type=cli.names,
        metavar='A,B',
        default=DEFAULT_RULES,
        help=f'rules to apply (default: {",".join(DEFAULT_RULES)})',
    )
    parser.add_argument(
        '--set', nargs='+', action='extend', default=[], metavar='NAME=VALUE', help='change thresholds of rules'
    )
    parser.add_argument(
        '--thorough',
        action='store_true',
        help='also repair tiny regions and holes near finely detailed outlines, which may be intended',
    )
    parser.add_argument('--dry-run', action='store_true', help='print what would be done, and leave DATA unchanged')
    parser.add_argument('--report', metavar='D', help='also write the tables and the page to this folder')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier cleaned label set or report')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, clean, print the tables."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.clean import clean_labels

    thresholds = Thresholds().thorough() if args.thorough else Thresholds()
    report = clean_labels(
        args.data, args.labels, args.to, splits=args.splits, rules=args.rules, thresholds=thresholds.changed(args.set),
        dry_run=args.dry_run, report=args.report, overwrite=args.overwrite,
    )  # fmt: skip
    _print(report)
    target = Path(args.data) / args.to
    print(f'dry run: {target} was not written' if args.dry_run else f'{target}: masks, {FILES}')
    if args.report:
        print(f'{args.report}: {FILES}')
    return cli.report_left_out(report.left_out)


def _description() -> str:
    rules = '\n'.join(f'  {name:<10} {(rule.__doc__ or "").splitlines()[0]}' for name, rule in RULES.items())
    thresholds = ', '.join(f'{field.name}={field.default}' for field in fields(Thresholds))
    wrapped = textwrap.fill(thresholds, width=110, initial_indent='  ', subsequent_indent='  ')
    return (
        'Repair masks by geometric rules. The result is a new label set with a table and a page of all changes.\n'
        f'Class 0 is the background; ignored pixels stay ignored.\n\nrules:\n{rules}\n\n'
        f'thresholds (explained in docs/cleaning.md):\n{wrapped}'
    )


def _print(report: CleaningReport) -> None:
    """Print the largest changes, and the totals of each rule."""
    from rich.table import Table

    console = cli.console()
    largest = sorted(report.changes, key=lambda entry: -entry.change.pixels)[:MAX_ROWS]
    if largest:
        title = 'largest changes' if len(report.changes) > MAX_ROWS else 'changes'
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
