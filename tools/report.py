#!/usr/bin/env python
"""Write the report of a project from its data, configs and results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser, run

EXAMPLE = 'python tools/report.py data/pets --test-scores scores.json'
REPORTS = Path('practicum_work/reports')


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, write, say where it lies."""
    parser = ArgumentParser(
        'Fill the template of the report with what data, configs and results say: the same inputs give the same text.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set that the first stage looks at')
    parser.add_argument('--labels', default='labels', metavar='NAME', help='its label set (default: labels)')
    parser.add_argument('--project', default=REPORTS / 'project.yaml', metavar='FILE', help='list of the experiments')
    parser.add_argument('--template', default=REPORTS / 'REPORT.md.j2', metavar='FILE', help='text to fill in')
    parser.add_argument(
        '--results', default='practicum_work/predictions', metavar='D', help='results, a folder a config'
    )
    parser.add_argument('--test-scores', metavar='FILE', help='blind scores of test: {config name: {"mDice": …}}')
    parser.add_argument('--out', default=REPORTS / 'REPORT.md', metavar='FILE', help='the report; it is replaced')
    args = parser.parse_args(argv)
    from mmseg_ext.reports.report.write import ReportSources, write_report

    scores = Path(args.test_scores) if args.test_scores else None
    sources = ReportSources(
        Path(args.data), Path(args.project), Path(args.results), labels=args.labels, test_scores=scores
    )
    print(f'report: {write_report(args.template, sources, args.out)}')


if __name__ == '__main__':
    run(main)
