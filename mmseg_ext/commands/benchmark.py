"""Time a part of mmseg_ext against a named peer, both in turn in one process.

benchmarks:
  metric     SegMetric against mmseg's IoUMetric, on one thread of the CPU
  audit      the audit of a label set against bare decoding of its files, on one core
  logging    a training step that is logged to ClearML (offline) against one that is not, on one thread
  inference  a model on ONNX Runtime against the same on torch, float32, on one thread of the CPU
  review     the page of a review, from key to picture, against 50 ms at 256×256 pixels and 200 ms at 4,096×4,096

The last line is "NAME ratio R goal G", R being our time over the peer's. The exit code is 1 where R is above G.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from mmseg_ext.commands import cli
from mmseg_ext.workflows.benchmark import BenchmarkResult

EXAMPLE = 'mmseg-ext benchmark metric --images 100'


def metric(args: argparse.Namespace) -> BenchmarkResult:
    """Time SegMetric against IoUMetric."""
    from mmseg_ext.workflows.benchmark.metric import benchmark_metric

    return benchmark_metric(args.images, args.size, args.classes, args.rounds)


def audit(args: argparse.Namespace) -> BenchmarkResult:
    """Time the audit against decoding."""
    from mmseg_ext.workflows.benchmark.audit import benchmark_audit

    return benchmark_audit(args.data, args.labels, images=args.images, size=args.size, rounds=args.rounds)


def inference(args: argparse.Namespace) -> BenchmarkResult:
    """Time ONNX Runtime against torch."""
    from mmseg_ext.workflows.benchmark.inference import benchmark_inference

    return benchmark_inference(args.config, args.checkpoint, args.size, args.rounds)


def logging(args: argparse.Namespace) -> BenchmarkResult:
    """Time a logged training step against one that is not."""
    from mmseg_ext.workflows.benchmark.logging import benchmark_logging

    return benchmark_logging(args.size, args.rounds)


def review(args: argparse.Namespace) -> BenchmarkResult:
    """Time the page of a review against what feels immediate."""
    from mmseg_ext.workflows.benchmark.review import benchmark_review

    return benchmark_review(args.rounds)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], BenchmarkResult]] = {
    'metric': metric,
    'audit': audit,
    'inference': inference,
    'logging': logging,
    'review': review,
}


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(__doc__ or '', EXAMPLE, flags={'root': '--data'})
    parser.add_argument('name', metavar='NAME', choices=list(BENCHMARKS), help=f'one of: {", ".join(BENCHMARKS)}')
    parser.add_argument('--images', type=cli.positive, default=50, metavar='N', help='images per round (default: 50)')
    parser.add_argument('--size', type=cli.positive, default=256, metavar='PX', help='side in pixels (default: 256)')
    parser.add_argument('--classes', type=cli.positive, default=3, metavar='K', help='classes (default: 3)')
    parser.add_argument(
        '--rounds', type=cli.positive, default=11, metavar='N', help='rounds to take the median of (default: 11)'
    )
    parser.add_argument('--data', metavar='DATA', help='audit: data set to read (default: synthetic pets)')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='audit: its label set (default: labels)')
    parser.add_argument('--config', metavar='CONFIG', help='inference: the model (default: that of the demo)')
    parser.add_argument(
        '--checkpoint', metavar='CHECKPOINT', help='inference: its weights or work dir (default: random weights)'
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, time, print."""
    args = build_parser().parse_args(argv)
    result = BENCHMARKS[args.name](args)
    print(result.table)
    print(f'{args.name} ratio {result.ratio:.3f} goal {result.goal:g}')
    return int(result.ratio > result.goal)
