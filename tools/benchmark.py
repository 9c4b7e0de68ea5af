#!/usr/bin/env python
"""Time a part of mmseg_ext against a named peer, both in turn in one process.

benchmarks:
  metric    SegMetric against mmseg's IoUMetric, on one thread of the CPU

The last line is "NAME ratio R goal G", R being our time over the peer's. The exit code is 1 where R is above G.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from mmseg_ext import cli
from mmseg_ext.errors import InputError

Result = tuple[str, float, float]  # table, ratio, goal


def metric(args: argparse.Namespace) -> Result:
    from mmseg_ext.evaluation.benchmark_metric import benchmark_metric  # here: it imports torch and mmseg

    for option, least in (('images', 1), ('size', 3), ('classes', 2), ('rounds', 1)):
        if getattr(args, option) < least:
            raise InputError(f'--{option} {getattr(args, option)}: must be at least {least}')
    return benchmark_metric(args.images, args.size, args.classes, args.rounds)


BENCHMARKS: dict[str, Callable[[argparse.Namespace], Result]] = {'metric': metric}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, time, print."""
    parser = cli.ArgumentParser(__doc__ or '', 'python tools/benchmark.py metric --images 100')
    parser.add_argument('name', metavar='NAME', choices=BENCHMARKS, help=f'one of: {", ".join(BENCHMARKS)}')
    parser.add_argument('--images', type=int, default=50, metavar='N', help='images a round (default 50)')
    parser.add_argument('--size', type=int, default=256, metavar='S', help='side in pixels (default 256)')
    parser.add_argument('--classes', type=int, default=3, metavar='K', help='classes (default 3)')
    parser.add_argument('--rounds', type=int, default=11, metavar='N', help='rounds to take the median of (default 11)')
    args = parser.parse_args(argv)
    table, ratio, goal = BENCHMARKS[args.name](args)
    print(table)
    print(f'{args.name} ratio {ratio:.3f} goal {goal:g}')
    return int(ratio > goal)


if __name__ == '__main__':
    cli.run(main)
