"""Test a trained model on a split."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.runs.options import parse_options

EXAMPLE = 'mmseg-ext test pets/NAME work_dirs/NAME --split val --tta'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Predict a split and score it: Dice, IoU and Acc of each class with 95 % bootstrap intervals over images.\n'
        'A split without masks is predicted only.',
        EXAMPLE,
    )
    parser.add_argument('config', metavar='CONFIG', help='config that the model was trained with')
    parser.add_argument(
        'checkpoint', metavar='CHECKPOINT', help='its weights (.pth), or its work dir: the best checkpoint there'
    )
    parser.add_argument('--split', default='test', metavar='NAME', help='split (default: test)')
    parser.add_argument('--labels', metavar='NAME', help="label set to score against (default: the config's)")
    parser.add_argument('--out', metavar='D', help='result folder (default: <split> next to the checkpoint)')
    parser.add_argument('--tta', action='store_true', help="average the sizes and flips of the config's tta_pipeline")
    parser.add_argument(
        '--probabilities', action='store_true', help='keep the class probabilities too, for mmseg-ext errors'
    )
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier result in D')
    cli.add_safe_config(parser)
    cli.add_run_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, test, print the table."""
    args = build_parser().parse_args(argv)
    options = parse_options(args.cfg_options)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    from mmengine.dist import is_main_process

    from mmseg_ext.evaluation.summary import summary_table
    from mmseg_ext.workflows.evaluate import evaluate_split

    result = evaluate_split(
        args.config,
        args.checkpoint,
        split=args.split,
        labels=args.labels,
        out=args.out,
        tta=args.tta,
        probabilities=args.probabilities,
        overwrite=args.overwrite,
        options=options,
        launcher=args.launcher,
    )
    if not is_main_process():
        return 0
    scores = result.metrics.get('scores')
    if scores is None:
        print(f'{args.split}: {result.images} images predicted; there are no masks to score them by')
    else:
        title = f'{args.split} ({scores["images"]} images{", TTA" if args.tta else ""})'
        cli.console().print(summary_table(scores, title))
    print(f'metrics, records and masks: {result.out}')
    return 0
