"""Rank masks by how likely they are wrong."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser
from mmseg_ext.runs.options import parse_options

EXAMPLE = 'python tools/rank_labels.py data/pets configs/pets/NAME.py --folds 5 --top 30 --out work_dirs/ranking'


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    parser = ArgumentParser(
        'Train k models, each without one fold of the images, let each judge the masks that it has not seen, and rank\n'
        'these by how firmly they are contradicted. The same command continues an interrupted ranking.',
        EXAMPLE,
    )
    parser.add_argument('data', help='data set: img/, a label set, dataset.yaml')
    parser.add_argument('config', nargs='+', help='experiment to train; the verdicts of several are averaged')
    parser.add_argument('--out', metavar='D', required=True, help='folder of the result')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='label set to doubt (default: labels)')
    parser.add_argument('--split', default='train', help='its split (default: train)')
    parser.add_argument('--folds', type=int, default=5, metavar='K', help='parts of the split (default: 5)')
    parser.add_argument(
        '--seeds', type=int, nargs='+', default=[0], metavar='N', help='one division and training for each (default: 0)'
    )
    parser.add_argument(
        '--sides',
        type=int,
        nargs='+',
        default=[256, 320],
        metavar='N',
        help='views of the prediction (default: 256 320)',
    )
    parser.add_argument(
        '--also',
        nargs='+',
        default=[],
        metavar='SPLIT',
        help='train on these splits too, without doubting their masks',
    )
    parser.add_argument(
        '--with',
        nargs='+',
        default=[],
        metavar='D',
        dest='others',
        help='finished rankings of the same masks, whose judges join in',
    )
    parser.add_argument('--score', default=None, help='score to order by (default: supported_agreement)')
    parser.add_argument('--top', type=int, default=30, metavar='N', help='masks on the page and in the queue (30)')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the configs')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, rank, write page and queue, print the first rows."""
    parser = build_parser()
    args = parser.parse_args(argv)
    for option, value, least in (('folds', args.folds, 2), ('top', args.top, 1), ('sides', min(args.sides), 32)):
        if value < least:
            parser.error(f'--{option} {value}: must be {least} or more')
    from rich.console import Console
    from rich.table import Table

    from mmseg_ext.eda.quality import SCORES
    from mmseg_ext.reports.ranking_page import write_ranking_outputs
    from mmseg_ext.workflows.rank import DEFAULT_SCORE, RankingSettings, rank_labels

    score = args.score or DEFAULT_SCORE
    if score not in SCORES:
        parser.error(f'--score {score}: must be one of {", ".join(SCORES)}')
    settings = RankingSettings(
        data_root=args.data,
        configs=tuple(args.config),
        labels=args.labels,
        split=args.split,
        folds=args.folds,
        seeds=tuple(args.seeds),
        sides=tuple(args.sides),
        options=parse_options(args.cfg_options),
        also=tuple(args.also),
        others=tuple(args.others),
    )
    rows = rank_labels(settings, args.out, score)
    write_ranking_outputs(rows[: args.top], args.data, args.labels, args.split, args.out, score)
    columns = ('rank', 'stem', score, 'kind', 'missing', 'extra', 'wrong_class')
    table = Table(*columns, title=f'{args.labels}/{args.split}: the first {min(10, args.top)} of {len(rows)}')
    for row in rows[: min(10, args.top)]:
        table.add_row(*(f'{row[c]:.3f}' if isinstance(row[c], float) else str(row[c]) for c in columns))
    Console(width=None if os.isatty(1) else 110).print(table)
    print(f'ranking, page, LabelMe queue, suggestions: {Path(args.out)}')
    return 0
