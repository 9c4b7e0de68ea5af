"""Test a trained model on a split."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmseg_ext.commands import cli
from mmseg_ext.runs.options import parse_options

if TYPE_CHECKING:
    from mmseg_ext.workflows.evaluate import SplitResult

EXAMPLE = """mmseg-ext test pets/NAME work_dirs/NAME --split val --tta
  mmseg-ext test ensemble.yaml --data data/pets --split val"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    from mmseg_ext.commands.model_arguments import MODEL_HELP, MODEL_USAGE

    parser = cli.ArgumentParser(
        'Predict a split and score it: Dice, IoU and Acc of each class with 95 % bootstrap intervals over images.\n'
        'A split without masks is only predicted.',
        EXAMPLE,
    )
    parser.usage = f'%(prog)s {MODEL_USAGE} [options]'
    parser.add_argument('model', nargs='+', metavar='MODEL', help=MODEL_HELP)
    parser.add_argument('--data', metavar='DATA', help='data set; required with an .onnx file or an ensemble')
    parser.add_argument('--split', default='test', metavar='NAME', help='split (default: test)')
    parser.add_argument(
        '--labels', metavar='NAME', help="label set to score against (default: the config's, or labels)"
    )
    parser.add_argument('--out', metavar='D', help='result folder (default: <split> next to the model)')
    parser.add_argument(
        '--tta', action='store_true', help="average over the sizes and flips of the config's tta_pipeline"
    )
    parser.add_argument(
        '--probabilities', action='store_true', help='also write the class probabilities, for mmseg-ext errors'
    )
    parser.add_argument(
        '--out-of-fold', action='store_true',
        help='with an ensemble of the runs of all folds: predict each image with the run that left it out',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier result in D')
    cli.add_safe_config(parser)
    cli.add_run_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, test, print the table."""
    parser = build_parser()
    args = parser.parse_args(argv)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    from mmengine.dist import is_main_process

    from mmseg_ext.commands.model_arguments import split_model
    from mmseg_ext.eda.audit.findings import counted
    from mmseg_ext.evaluation.summary import summary_table

    model, rest = split_model(args.model)
    if rest or (len(model) == 1 and _is_config(model[0])):
        parser.error(rest[0] + ': unexpected argument' if rest else 'give the checkpoint after the config')
    result = _test_config(parser, model, args) if len(model) == 2 else _test_file(parser, model[0], args)
    if not is_main_process():
        return 0
    scores = result.metrics.get('scores')
    if scores is None:
        print(f'{args.split}: {counted(result.images, "image")} predicted; there are no masks to score them against')
    else:
        title = f'{args.split} ({counted(scores["images"], "image")}{", TTA" if args.tta else ""})'
        cli.console().print(summary_table(scores, title))
    print(f'metrics, records and masks: {result.out}')
    return 0


def _is_config(model: str) -> bool:
    from mmseg_ext.inference.ensemble import ONNX_SUFFIX, is_ensemble

    return not (model.lower().endswith(ONNX_SUFFIX) or is_ensemble(model))


def _test_config(parser: cli.ArgumentParser, model: Sequence[str], args: Namespace) -> SplitResult:
    from mmseg_ext.workflows.evaluate import evaluate_split

    if args.out_of_fold:
        parser.error('--out-of-fold: requires an ensemble of the runs of all folds')
    if args.data is not None:
        parser.error('--data: a config names its own data set; override it with --cfg-options')
    return evaluate_split(
        model[0], model[1], split=args.split, labels=args.labels, out=args.out, tta=args.tta,
        probabilities=args.probabilities, overwrite=args.overwrite, options=parse_options(args.cfg_options),
        launcher=args.launcher,
    )  # fmt: skip


def _test_file(parser: cli.ArgumentParser, model: str, args: Namespace) -> SplitResult:
    from mmseg_ext.workflows.evaluate_model import evaluate_model

    if args.data is None:
        parser.error(f'{model} names no data set: add --data DATA')
    if args.cfg_options or args.launcher != 'none':
        parser.error(f'--cfg-options and --launcher are for a config, not for {model}')
    return evaluate_model(
        model, args.data, split=args.split, labels=args.labels, out=args.out, tta=args.tta,
        probabilities=args.probabilities, overwrite=args.overwrite, out_of_fold=args.out_of_fold,
    )  # fmt: skip
