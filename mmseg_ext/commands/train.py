"""Train one experiment."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg_ext.commands.cli import ArgumentParser, add_run_arguments, whole
from mmseg_ext.runs.options import parse_options
from mmseg_ext.tracking.clearml import agent_arguments

EXAMPLE = 'PETS_ROOT=data/pets mmseg-ext train pets/fpn_r18_ce-dice-adamw-scratch-400it_pets-128x128 --seed 1'


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'Train one experiment. Checkpoints, curves, records and config are written to its work dir.',
        EXAMPLE,
        flags={'mode': '--clearml', 'queue': '--clearml-queue'},
    )
    parser.add_argument('config', metavar='CONFIG', help='experiment: a name (see mmseg-ext configs) or a file')
    parser.add_argument('--work-dir', metavar='D', help='folder of the run (default: work_dirs/<config name>)')
    parser.add_argument('--seed', type=whole, metavar='N', help="random seed (default: the config's)")
    parser.add_argument(
        '--fold', metavar='K/N', help='train without the K-th of N folds of the train split, and validate on that fold'
    )
    parser.add_argument('--fold-seed', type=whole, default=0, metavar='N', help='seed of the folds (default: 0)')
    parser.add_argument('--resume', action='store_true', help='continue the run in the work dir')
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast, also on the CPU')
    parser.add_argument('--skip-nonfinite', action='store_true', help='skip updates with NaN or infinite gradients')
    parser.add_argument(
        '--clearml',
        choices=['auto', 'online', 'offline', 'off'],
        help='log to ClearML (default: as in the config, otherwise auto: if ClearML is configured)',
    )
    parser.add_argument('--clearml-queue', metavar='NAME', help='train on an agent of this ClearML queue, not here')
    add_run_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, print where the results are."""
    if not argv:
        argv = agent_arguments() or []
    args = build_parser().parse_args(argv)
    options = parse_options(args.cfg_options)
    if args.clearml_queue:
        from mmseg_ext.workflows.train import enqueue_training

        print(f'queued: {enqueue_training(args.config, vars(args), options)[1]}')
        return 0
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    from mmengine.dist import is_main_process

    from mmseg_ext.workflows.train import train

    result = train(
        args.config, args.work_dir, args.seed, args.resume, args.amp, options, args.launcher, args.clearml, args.fold,
        args.fold_seed, args.skip_nonfinite,
    )  # fmt: skip
    if is_main_process():
        print(f'run: {result["work_dir"]}')
        if result['best_checkpoint']:
            print(f'best checkpoint: {result["best_checkpoint"]}')
    return 0
