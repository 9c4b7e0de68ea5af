"""Audit a data set: which masks and images are wrong, doubled or missing."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.commands import cli
from mmseg_ext.errors import InputError

EXAMPLE = 'python tools/audit.py data/pets --labels labels --splits train,val --out work_dirs/audit'
FILES = ('audit.json', 'findings.csv', 'audit.html')


def build_parser() -> cli.ArgumentParser:
    """The tool's arguments."""
    parser = cli.ArgumentParser(
        'Audit a label set: files, values, shapes of the masks, doubled photographs.\n'
        'The checks, their thresholds and what to do about a finding: docs/audit.md.',
        EXAMPLE,
        flags={'settings': '--set'},
    )
    parser.add_argument('data', metavar='DATA', help='data set (dataset.yaml, img/<split>/, <label set>/<split>/)')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='label set to audit (default: labels)')
    parser.add_argument('--splits', metavar='A,B', help='splits, separated by commas (default: all)')
    parser.add_argument('--out', metavar='D', help=f'folder for {", ".join(FILES)}')
    parser.add_argument('--json', metavar='FILE', help='write the findings as JSON')
    parser.add_argument('--thresholds', metavar='FILE.toml', help='thresholds and severities, one table a check')
    parser.add_argument(
        '--set', metavar='KEY=VALUE', action='append', default=[],
        help='one of them, such as fragments.most=8 or pinholes.severity=off; may be given again',
    )  # fmt: skip
    parser.add_argument(
        '--workers', metavar='N', default='1',
        help='processes (default 1), or dask://HOST:PORT of a running Dask scheduler',
    )  # fmt: skip
    parser.add_argument(
        '--fail-on', choices=['error', 'warning', 'never'], default='error',
        help='leave with exit code 1 where there is a finding of this severity or above (default: error)',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='replace earlier results')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, audit, write and print."""
    args = build_parser().parse_args(argv)
    targets = [Path(args.out) / name for name in FILES] if args.out else []
    targets += [Path(args.json)] if args.json else []
    for target in targets:
        if target.exists() and not args.overwrite:
            raise InputError(f'{target}: exists already; name another place or replace it with --overwrite')

    from mmseg_ext.eda.audit import audit_label_set, read_rules

    splits = [name.strip() for name in args.splits.split(',')] if args.splits else None
    result = audit_label_set(args.data, args.labels, splits, read_rules(args.thresholds, args.set), args.workers)
    _write(result, args)
    _print(result)
    severities = result.summary()['severities']
    failing = {'error': severities['error'], 'warning': severities['error'] + severities['warning'], 'never': 0}
    return int(failing[args.fail_on] > 0)


def _write(result: Any, args: argparse.Namespace) -> None:
    from mmseg_ext.eda.audit import write_audit_json, write_findings_csv

    if args.json:
        write_audit_json(args.json, result)
    if args.out:
        from mmseg_ext.reports.audit_page import write_audit_page

        out = Path(args.out)
        write_audit_json(out / 'audit.json', result)
        write_findings_csv(out / 'findings.csv', result)
        write_audit_page(out / 'audit.html', result)


def _print(result: Any) -> None:
    from rich.console import Console

    from mmseg_ext.eda.audit import checks_table, findings_table

    console = Console(width=None if os.isatty(1) else 140)
    if result.unlabelled:
        print(f'splits without masks in {result.labels}: {", ".join(result.unlabelled)}')
    if not result.findings:
        print(f'{result.labels}: {result.images} images, {result.masks} masks, no findings')
        return
    console.print(findings_table(result))
    console.print(checks_table(result))
