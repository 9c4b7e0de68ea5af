"""Audit a data set: which masks and images are wrong, duplicate or missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext audit data/pets --splits train,val --out work_dirs/audit'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Audit a label set: files, mask values and shapes, duplicate images.\n'
        'Checks, thresholds and remedies: docs/audit.md.',
        EXAMPLE,
        flags={'settings': '--set'},
    )
    cli.add_data_arguments(parser, what='label set to audit')
    parser.add_argument('--out', metavar='D', help='folder for audit.json, findings.csv and audit.html')
    parser.add_argument('--json', metavar='FILE', help='write the findings as JSON')
    parser.add_argument(
        '--thresholds', metavar='FILE', help='TOML file with thresholds and severities, one table per check'
    )
    parser.add_argument(
        '--set', metavar='KEY=VALUE', action='append', default=[],
        help='set one threshold or severity, such as fragments.most=8 or pinholes.severity=off; may be repeated',
    )  # fmt: skip
    cli.add_workers_argument(parser)
    parser.add_argument(
        '--fail-on', choices=['error', 'warning', 'never'], default='error',
        help='exit with code 1 if there is a finding of this severity or higher (default: error)',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='replace earlier results')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, audit, print the findings."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.eda.audit import checks_table, findings_table
    from mmseg_ext.eda.audit.findings import counted
    from mmseg_ext.workflows.audit import audit_labels

    result = audit_labels(
        args.data, args.labels, args.splits, thresholds=args.thresholds, settings=args.set, workers=args.workers,
        out=args.out, json=args.json, overwrite=args.overwrite,
    )  # fmt: skip
    if result.unlabelled:
        print(f'splits without masks in {result.labels}: {", ".join(result.unlabelled)}')
    if result.findings:
        console = cli.console(140)
        console.print(findings_table(result))
        console.print(checks_table(result))
    else:
        print(f'{result.labels}: {counted(result.images, "image")}, {counted(result.masks, "mask")}, no findings')
    if args.out:
        print(f'page: {Path(args.out) / "audit.html"}')
    severities = result.summary()['severities']
    failing = {'error': severities['error'], 'warning': severities['error'] + severities['warning'], 'never': 0}
    return int(failing[args.fail_on] > 0)
