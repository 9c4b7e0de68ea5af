"""Time a part of mmseg_ext against a named peer, both in turn in one process.

benchmarks:
  metric    SegMetric against mmseg's IoUMetric, on one thread of the CPU
  audit     the audit of a label set against bare decoding of its files, on one core
  logging   a training step that is logged to ClearML (offline) against one that is not, on one thread
  inference a model on ONNX Runtime against the same on torch, float32, on one thread of the CPU

The last line is "NAME ratio R goal G", R being our time over the peer's. The exit code is 1 where R is above G.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mmseg_ext.commands import cli
from mmseg_ext.errors import InputError

DEMO = 'configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192.py'
DEMO_CONFIG = Path(__file__).resolve().parents[1] / DEMO
Result = tuple[str, float, float]  # table, ratio, goal


def _require(args: argparse.Namespace, **least: int) -> None:
    for option, value in least.items():
        if getattr(args, option) < value:
            raise InputError(f'--{option} {getattr(args, option)}: must be at least {value}')


def metric(args: argparse.Namespace) -> Result:
    """SegMetric against IoUMetric."""
    from mmseg_ext.workflows.benchmark.metric import benchmark_metric  # here: it imports torch and mmseg

    _require(args, size=3, classes=2)
    return benchmark_metric(args.images, args.size, args.classes, args.rounds)


def audit(args: argparse.Namespace) -> Result:
    """The audit against decoding."""
    from mmseg_ext.workflows.benchmark.audit import benchmark_audit

    if args.data:
        return benchmark_audit(args.data, args.labels, args.rounds)
    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    with tempfile.TemporaryDirectory() as folder:
        make_demo_data(f'{folder}/pets', DemoSettings(train=args.images, val=0, test=0, size=args.size))
        return benchmark_audit(f'{folder}/pets', args.labels, args.rounds)


def inference(args: argparse.Namespace) -> Result:
    """ONNX Runtime against torch."""
    _require(args, size=32)
    if args.checkpoint and not args.config:
        raise InputError('--checkpoint: needs the --config that it was trained with')
    from mmseg_ext.workflows.benchmark.inference import benchmark_inference  # here: it imports torch and mmseg

    return benchmark_inference(args.config or DEMO_CONFIG, args.checkpoint, args.size, args.rounds)


def logging(args: argparse.Namespace) -> Result:
    """A logged step against one that is not."""
    from mmseg_ext.workflows.benchmark.logging import benchmark_logging

    _require(args, size=3)
    return benchmark_logging(args.size, args.rounds)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], Result]] = {
    'metric': metric,
    'audit': audit,
    'inference': inference,
    'logging': logging,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, time, print."""
    parser = cli.ArgumentParser(__doc__ or '', 'python tools/benchmark.py metric --images 100')
    parser.add_argument('name', metavar='NAME', choices=BENCHMARKS, help=f'one of: {", ".join(BENCHMARKS)}')
    parser.add_argument('--images', type=cli.positive, default=50, metavar='N', help='images a round (default 50)')
    parser.add_argument('--size', type=cli.positive, default=256, metavar='S', help='side in pixels (default 256)')
    parser.add_argument('--classes', type=cli.positive, default=3, metavar='K', help='classes (default 3)')
    parser.add_argument(
        '--rounds', type=cli.positive, default=11, metavar='N', help='rounds to take the median of (default 11)'
    )
    parser.add_argument('--data', metavar='DATA', help='audit: data set to read (default: synthetic pets made anew)')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='audit: its label set (default: labels)')
    parser.add_argument('--config', help='inference: the model (default: that of the demo)')
    parser.add_argument('--checkpoint', help='inference: its weights or work dir (default: random weights)')
    args = parser.parse_args(argv)
    table, ratio, goal = BENCHMARKS[args.name](args)
    print(table)
    print(f'{args.name} ratio {ratio:.3f} goal {goal:g}')
    return int(ratio > goal)
