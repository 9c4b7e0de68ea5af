"""Send offline ClearML sessions to the server."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'mmseg-ext clearml-import work_dirs/NAME/clearml/offline/*.zip'


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'Send the offline sessions of trainings to the ClearML server; each becomes a task, and one that continues '
        'another goes on with its task.',
        EXAMPLE,
    )
    parser.add_argument('zips', nargs='+', metavar='ZIP', help='session; clearml.json in the work dir names it')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, send, print the pages."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.tracking.clearml import import_sessions

    for session, page in import_sessions(args.zips):
        print(f'{session.path}: {page}', flush=True)
    return 0
