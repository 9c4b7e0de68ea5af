#!/usr/bin/env python
"""Train one experiment."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg_ext.cli import ArgumentParser, add_run_arguments, parse_options, run

EXAMPLE = 'PETS_ROOT=DATA python tools/train.py configs/pets/NAME.py --work-dir work_dirs/NAME --seed 1'


def build_parser() -> ArgumentParser:
    """The tool's arguments."""
    parser = ArgumentParser(
        'Train one experiment: checkpoints, curves, records and config go to its work dir.', EXAMPLE
    )
    parser.add_argument('config', help='config file of the experiment')
    parser.add_argument('--work-dir', metavar='D', help='folder of the run (default: work_dirs/<config name>)')
    parser.add_argument('--seed', type=int, metavar='N', help="random seed (default: the config's)")
    parser.add_argument('--resume', action='store_true', help='continue the run that stands in the work dir')
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast, on the CPU too')
    add_run_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, train, say where everything lies."""
    args = build_parser().parse_args(argv)
    options = parse_options(args.cfg_options)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    from mmengine.dist import is_main_process

    from mmseg_ext.engine.training import train

    result = train(args.config, args.work_dir, args.seed, args.resume, args.amp, options, args.launcher)
    if is_main_process():
        print(f'run: {result["work_dir"]}')
        if result['best_checkpoint']:
            print(f'best checkpoint: {result["best_checkpoint"]}')
    return 0


if __name__ == '__main__':
    run(main)
