"""Send offline ClearML sessions to the server."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'mmseg-ext clearml-import work_dirs/NAME/clearml/offline/*.zip'


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'Send offline sessions of trainings to the ClearML server. Each becomes a task; a session that continues '
        'another is added to its task.',
        EXAMPLE,
    )
    parser.add_argument('zips', nargs='+', metavar='ZIP', help='session; see clearml.json in the work dir')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, send, print the pages."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.tracking.clearml import import_sessions

    sent: set[str | None] = set()
    for session, page in import_sessions(args.zips):
        print(f'{session.path}: {page}', flush=True)
        if session.earlier_session not in {None, *sent}:
            reason = f'it continues {session.earlier_session}, which is not among these sessions'
            print(f'{session.path}: has a task of its own: {reason}', file=sys.stderr)
        sent.add(session.task_id)
    return 0
