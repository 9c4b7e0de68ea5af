"""Review doubted masks on a local page, and write the decisions into a new label set."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = """mmseg-ext review data/pets --queue work_dirs/ranking --to labels_reviewed
  mmseg-ext review data/pets --queue work_dirs/audit/audit.json --labels labels"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Serve a local page that shows the masks of a queue one by one: keep a mask, accept the suggestion, or\n'
        'correct it with brush, polygon and snap. Each decision is saved at once to a new label set and its\n'
        'review.jsonl; run the same command again to continue. Without --to, nothing is changed.',
        EXAMPLE,
    )  # fmt: skip
    cli.add_data_arguments(parser, splits=False, what='label set to review, unless the queue names one')
    parser.set_defaults(labels=None)  # the queue's, then `labels`
    parser.add_argument(
        '--queue', metavar='RESULT', help='result of rank, audit, errors or labelme diff, or a text file of stems '
        '(default: all masks)',
    )  # fmt: skip
    parser.add_argument(
        '--to', metavar='NAME', help='label set for the decisions: a new one, or that of an earlier review'
    )
    parser.add_argument('--suggestions', metavar='DIR', help="folder of suggested masks (default: the queue's, if any)")
    cli.add_address(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, open the review, serve until interrupted."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.review.server import count_decisions
    from mmseg_ext.workflows.review import next_commands, open_review, serve_review

    review = open_review(args.data, args.queue, args.labels, args.to, args.suggestions)
    if review.left_out:
        names = ', '.join('/'.join(key) for key in review.left_out[:3])
        count = len(review.left_out)
        print(f'left out of the queue for lack of an image or a mask: {count}, such as {names}', file=sys.stderr)
    print(f'{review.labels} → {review.to or "nothing (read-only, no --to)"}: {_counted(count_decisions(review))}')
    try:
        serve_review(review, args.host, args.port, args.allowed_hosts)
    except KeyboardInterrupt:  # how serving ends
        if review.to is not None:
            print(_counted(count_decisions(review)), *next_commands(review), sep='\n')
        raise


def _counted(counts: dict[str, int]) -> str:
    return ', '.join(f'{count} {kind}' for kind, count in counts.items())
