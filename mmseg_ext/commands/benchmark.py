"""Time a part of mmseg_ext against a reference, alternating between the two.

benchmarks:
  train          a whole training step against mmsegmentation's, and against the bare model
  time-to-score  training to a val mDice, against mmsegmentation's usual recipe for the same model
  loader         a training sample against mmsegmentation's with the same augmentation, on one core
  val            a validation against mmsegmentation's loop and metric
  startup        mmseg-ext train up to its first step against 5 s, and the increase with 20,000 images against 2 s
  metric         SegMetric against mmseg's IoUMetric, on one CPU thread
  audit          the audit of a label set against only decoding its files, on one core
  logging        a training step with ClearML logging (offline) against one without, on one thread
  inference      a model in ONNX Runtime against the same in torch, float32, on one CPU thread
  review         the review page, from key press to redraw, against 50 ms at 256×256 pixels and 200 ms at 4,096×4,096

The last line is "NAME ratio R goal G", where R is our time divided by the reference's; train and startup
print a second such line before it. The exit code is 1 if an R is above its G.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from mmseg_ext.commands import cli
from mmseg_ext.workflows.benchmark import BenchmarkResult

EXAMPLE = 'mmseg-ext benchmark metric --images 100'


def train(args: argparse.Namespace) -> BenchmarkResult:
    """Time a training step."""
    from mmseg_ext.workflows.benchmark.train import benchmark_train

    return benchmark_train(
        args.config, args.data, images=args.images or 50, size=args.size, batch=args.batch, workers=args.workers,
        threads=args.threads, rounds=args.rounds or 5, steps=args.steps,
        profile_to=args.profile, overwrite=args.overwrite,
    )  # fmt: skip


def time_to_score(args: argparse.Namespace) -> BenchmarkResult:
    """Time a training until a score."""
    from mmseg_ext.workflows.benchmark.time_to_score import benchmark_time_to_score

    return benchmark_time_to_score(
        args.config, args.data, labels=args.labels, score=args.score, interval=args.interval, minutes=args.minutes,
        images=args.images or 50, threads=args.threads,
    )  # fmt: skip


def loader(args: argparse.Namespace) -> BenchmarkResult:
    """Time a training sample."""
    from mmseg_ext.workflows.benchmark.loader import benchmark_loader

    return benchmark_loader(args.data, images=args.images or 50, size=args.size, rounds=args.rounds or 11)


def val(args: argparse.Namespace) -> BenchmarkResult:
    """Time a validation."""
    from mmseg_ext.workflows.benchmark.val import benchmark_val

    return benchmark_val(
        args.config, args.data, images=args.images or 50, size=args.size, workers=args.workers, threads=args.threads,
        rounds=args.rounds or 5,
    )  # fmt: skip


def startup(args: argparse.Namespace) -> BenchmarkResult:
    """Time the start of a training."""
    from mmseg_ext.workflows.benchmark.startup import benchmark_startup

    return benchmark_startup(args.config, images=args.images or 20_000, size=args.size, rounds=args.rounds or 3)


def metric(args: argparse.Namespace) -> BenchmarkResult:
    """Time SegMetric against IoUMetric."""
    from mmseg_ext.workflows.benchmark.metric import benchmark_metric

    return benchmark_metric(args.images or 50, args.size, args.classes, args.rounds or 11)


def audit(args: argparse.Namespace) -> BenchmarkResult:
    """Time the audit against decoding."""
    from mmseg_ext.workflows.benchmark.audit import benchmark_audit

    return benchmark_audit(args.data, args.labels, images=args.images or 50, size=args.size, rounds=args.rounds or 11)


def inference(args: argparse.Namespace) -> BenchmarkResult:
    """Time ONNX Runtime against torch."""
    from mmseg_ext.workflows.benchmark.inference import benchmark_inference

    return benchmark_inference(args.config, args.checkpoint, args.size, args.rounds or 11)


def logging(args: argparse.Namespace) -> BenchmarkResult:
    """Time a logged training step against one that is not."""
    from mmseg_ext.workflows.benchmark.logging import benchmark_logging

    return benchmark_logging(args.size, args.rounds or 11)


def review(args: argparse.Namespace) -> BenchmarkResult:
    """Time the page of a review against what feels immediate."""
    from mmseg_ext.workflows.benchmark.review import benchmark_review

    return benchmark_review(args.rounds or 11)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], BenchmarkResult]] = {
    'train': train,
    'time-to-score': time_to_score,
    'loader': loader,
    'val': val,
    'startup': startup,
    'metric': metric,
    'audit': audit,
    'inference': inference,
    'logging': logging,
    'review': review,
}


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(__doc__ or '', EXAMPLE, flags={'root': '--data', 'profile_to': '--profile'})
    parser.add_argument('name', metavar='NAME', choices=list(BENCHMARKS), help=f'one of: {", ".join(BENCHMARKS)}')
    parser.add_argument(
        '--images', type=cli.positive, metavar='N', help='synthetic images (default: 50; startup: 20,000)'
    )
    parser.add_argument('--size', type=cli.positive, default=256, metavar='PX', help='image side (default: 256)')
    parser.add_argument('--classes', type=cli.positive, default=3, metavar='K', help='metric: classes (default: 3)')
    parser.add_argument(
        '--rounds', type=cli.positive, metavar='N',
        help='rounds; the median counts (default: 11; train and val: 5; startup: 3)',
    )  # fmt: skip
    parser.add_argument(
        '--steps', type=cli.positive, default=10, metavar='N', help='train: steps per round (default: 10)'
    )
    parser.add_argument(
        '--batch', type=cli.positive, metavar='N', help="train: images per step (default: the config's)"
    )
    parser.add_argument(
        '--workers', type=cli.whole, default=1, metavar='N', help='train, val: processes per loader (default: 1)'
    )
    parser.add_argument('--profile', metavar='OUT', help='train: write a profile of the step, and a trace')
    parser.add_argument('--overwrite', action='store_true', help='train: replace an earlier profile')
    parser.add_argument(
        '--score', type=cli.number(0.1, 100), default=88.0, metavar='P',
        help='time-to-score: val mDice in percent (default: 88)',
    )  # fmt: skip
    parser.add_argument(
        '--interval', type=cli.positive, default=50, metavar='N',
        help='time-to-score: iterations between validations (default: 50)',
    )  # fmt: skip
    parser.add_argument(
        '--minutes', type=cli.number(0.01, 10_000), default=60.0, metavar='N',
        help='time-to-score: time limit of each training (default: 60)',
    )  # fmt: skip
    parser.add_argument(
        '--threads',
        type=cli.positive,
        metavar='N',
        help='train, time-to-score, val: torch threads (default: all cores)',
    )
    parser.add_argument(
        '--data', metavar='DATA', help='train, time-to-score, loader, val, audit: data set (default: synthetic pets)'
    )
    parser.add_argument(
        '--labels', metavar='NAME', default='labels',
        help='audit, time-to-score: label set of DATA (default: labels)',
    )  # fmt: skip
    parser.add_argument(
        '--config', metavar='CONFIG',
        help='train, time-to-score, val, startup, inference: experiment (default: a small pets or demo experiment)',
    )  # fmt: skip
    parser.add_argument(
        '--checkpoint', metavar='CHECKPOINT', help='inference: checkpoint or work dir (default: random weights)'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, time, print."""
    args = build_parser().parse_args(argv)
    result = BENCHMARKS[args.name](args)
    print(result.table)
    ratios = {**result.further, args.name: (result.ratio, result.goal)}
    for name, (ratio, goal) in ratios.items():
        print(f'{name} ratio {ratio:.3f} goal {goal:g}')
    return int(any(ratio > goal for ratio, goal in ratios.values()))
