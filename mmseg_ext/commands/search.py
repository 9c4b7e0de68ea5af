"""Search hyperparameters of an experiment."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser, console, whole
from mmseg_ext.runs.options import parse_options

EXAMPLE = """mmseg-ext search demo/NAME --trials 20 --out work_dirs/search \\
    --space optim_wrapper.optimizer.lr=1e-5:1e-3:log model.decode_head.dropout_ratio=0.0:0.5"""


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'Train an experiment with hyperparameters chosen by Optuna (TPE), and list them by their best validation\n'
        'score. Run the same command again to continue an interrupted search.',
        EXAMPLE,
        flags={'queue': '--clearml-queue'},
    )
    parser.add_argument('config', metavar='CONFIG', help='experiment: a name (see mmseg-ext configs) or a file')
    parser.add_argument(
        '--space',
        nargs='+',
        required=True,
        metavar='KEY=VALUES',
        help='search space: KEY=LOW:HIGH, KEY=LOW:HIGH:log, KEY=A,B,C',
    )
    parser.add_argument('--trials', type=int, default=20, metavar='N', help='number of trainings (default: 20)')
    parser.add_argument('--out', metavar='D', help='folder of the search')
    parser.add_argument('--clearml-queue', metavar='NAME', help='train on the agents of this ClearML queue, not here')
    parser.add_argument(
        '--workers', type=int, default=1, metavar='N', help='agents that train in parallel (default: 1)'
    )
    parser.add_argument('--metric', default='mDice', help='validation metric to maximise (default: mDice)')
    parser.add_argument(
        '--seed', type=whole, default=0, metavar='N', help='seed of the sampler and all trainings (default: 0)'
    )
    parser.add_argument('--no-prune', action='store_true', help='never stop a training that is below the median')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override the config of all trainings'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, search, print the table."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if (args.out is None) == (args.clearml_queue is None):
        parser.error('give either --out (train here) or --clearml-queue (train on its agents)')
    if args.workers != 1 and args.out is not None:
        parser.error('--workers counts the agents of --clearml-queue; with --out, trainings run one after another')
    from mmseg_ext.workflows.search import SearchSettings, parse_space, search, search_on_queue, search_table

    settings = SearchSettings(
        args.config,
        tuple(parse_space(args.space)),
        args.metric,
        args.seed,
        not args.no_prune,
        parse_options(args.cfg_options),
    )
    if args.clearml_queue:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # the SDK talks
                report = search_on_queue(settings, args.trials, args.clearml_queue, args.workers)
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr, flush=True)
            os._exit(130)  # threads of the SDK would go on to the next training
        where = f'search: {report["page"]}\ntrainings: mmseg-ext compare --clearml {report["project"]}'
    else:
        report = search(settings, args.trials, args.out)
        where = f'trainings and search.json: {args.out}'
    console(120).print(search_table(report))
    print(where)
    return 0
