"""Audit, plan, train, test and explain, in one go."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.commands.init import add_plan_arguments

EXAMPLE = 'mmseg-ext auto data/lesions --minutes 40'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Audit a data set, plan a training, train, test and explain the errors, with all results on one page.\n'
        'Stops if the audit finds errors. Run the same command again to continue.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set: dataset.yaml, img/<split>/, <label set>/<split>/')
    parser.add_argument('--out', metavar='D', help="result folder (default: work_dirs/<DATA's name>-auto)")
    add_plan_arguments(parser)
    parser.add_argument('--ignore-audit-errors', action='store_true', help='continue even if the audit finds errors')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run all steps, print what was found."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.auto import run_all

    result = run_all(
        args.data, args.out, minutes=args.minutes, device=args.device, backbone=args.backbone, labels=args.labels,
        orientation=args.orientation, seed=args.seed, ignore_audit_errors=args.ignore_audit_errors,
    )  # fmt: skip
    print('\n'.join(result.sentences))
    print(f'page: {result.page}')
    return 0
