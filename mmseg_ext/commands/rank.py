"""Rank masks by how probably they are wrong."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.runs.options import parse_options

EXAMPLE = 'mmseg-ext rank data/pets pets/NAME --folds 5 --top 30 --out work_dirs/ranking'
PRINTED_ROWS = 10


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Train k models, each without one fold of the images, let each judge the masks that it has not seen, and rank\n'
        'them by how strongly it contradicts them. Run the same command again to continue an interrupted ranking.',
        EXAMPLE,
        flags={'others': '--with'},
    )
    parser.add_argument('data', metavar='DATA', help='data set: dataset.yaml, img/<split>/, <label set>/<split>/')
    parser.add_argument(
        'config', metavar='CONFIG', nargs='+', help='experiment to train; the judgements of several are averaged'
    )
    parser.add_argument('--out', metavar='D', required=True, help='folder of the result')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='label set to rank (default: labels)')
    parser.add_argument('--split', metavar='NAME', default='train', help='split to rank (default: train)')
    parser.add_argument('--folds', type=int, default=5, metavar='K', help='number of folds (default: 5)')
    parser.add_argument(
        '--seeds', type=cli.whole, nargs='+', default=[0], metavar='N',
        help='seeds; each gives its own folds and trainings (default: 0)',
    )  # fmt: skip
    parser.add_argument(
        '--sides', type=int, nargs='+', default=[], metavar='PX',
        help="shorter sides of the views of the prediction (default: the sizes of the config's tta_pipeline)",
    )  # fmt: skip
    parser.add_argument(
        '--also', nargs='+', default=[], metavar='SPLIT', help='also train on these splits, without ranking their masks'
    )
    parser.add_argument(
        '--with', nargs='+', default=[], metavar='D', dest='others',
        help='finished rankings of the same masks, whose judges are included',
    )  # fmt: skip
    parser.add_argument(
        '--score',
        metavar='NAME',
        default='expected_iou',
        help='score to rank by (default: expected_iou)',
    )
    parser.add_argument(
        '--top', type=int, default=30, metavar='N', help='masks on the page and in the queue (default: 30)'
    )
    cli.add_workers_argument(parser, 'trainings at a time (default: 1)')
    cli.add_config_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, rank, print the first rows."""
    args = build_parser().parse_args(argv)
    options = parse_options(args.cfg_options)
    from rich.table import Table

    from mmseg_ext.workflows.rank import RankingSettings, rank_labels

    settings = RankingSettings(
        data_root=args.data,
        configs=tuple(args.config),
        labels=args.labels,
        split=args.split,
        folds=args.folds,
        seeds=tuple(args.seeds),
        sides=tuple(args.sides),
        options=options,
        also=tuple(args.also),
        others=tuple(args.others),
    )
    rows = rank_labels(settings, args.out, args.score, args.top, args.workers)
    printed = rows[: min(PRINTED_ROWS, args.top)]
    columns = ('rank', 'stem', args.score, 'kind', 'missing', 'extra', 'wrong_class')
    table = Table(*columns, title=f'{args.labels}/{args.split}: the first {len(printed)} of {len(rows)}')
    for row in printed:
        table.add_row(*(f'{row[c]:.3f}' if isinstance(row[c], float) else str(row[c]) for c in columns))
    cli.console().print(table)
    print(f'ranking, page, LabelMe queue, suggestions: {args.out}')
    return 0
