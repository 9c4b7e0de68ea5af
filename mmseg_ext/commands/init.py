"""Plan a training: write a config for a data set and this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmseg_ext.commands import cli

if TYPE_CHECKING:
    import rich.table

    from mmseg_ext.workflows.init import PlannedConfig

BUSY = 0.7  # share of the cores below which times say little
EXAMPLE = 'mmseg-ext init data/lesions --minutes 40 --orientation any'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Plan a training: read the data set, time this machine, and write one config to train, test and edit.\n'
        'The choices and their rules: docs/init.md.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set: dataset.yaml, img/<split>/, <label set>/<split>/')
    parser.add_argument('--out', metavar='FILE', help="config to write (default: configs/<DATA's name>.py)")
    add_plan_arguments(parser)
    parser.add_argument('--json', metavar='FILE', help='also write plan, data profile and machine as JSON')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier config')
    return parser


def add_plan_arguments(parser: cli.ArgumentParser) -> None:
    """Add what a plan depends on."""
    parser.add_argument(
        '--minutes',
        type=float,
        default=40,
        metavar='N',
        help='how long the training may take on this machine (default: 40)',
    )
    parser.add_argument(
        '--device',
        choices=['auto', 'cpu', 'cuda'],
        default='auto',
        help='device to plan for (default: auto, a GPU if any)',
    )
    parser.add_argument(
        '--backbone', metavar='NAME',
        help='efficientnet-lite2, -lite1, -lite0, resnet-v2-50-c4, mobilenet-v2, or scratch for random weights\n'
        '(default: the first of these whose weights are installed)',
    )  # fmt: skip
    parser.add_argument(
        '--labels', metavar='NAME', help='label set to train on (default: the newest with all train masks)'
    )
    parser.add_argument(
        '--orientation', choices=['upright', 'any'], default='upright',
        help='any: images without a canonical orientation (microscopy, dermoscopy, aerial) (default: upright)',
    )  # fmt: skip
    parser.add_argument(
        '--seed', type=cli.whole, default=0, metavar='N', help='random seed of the training (default: 0)'
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, plan, print the plan."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.workflows.init import plan_config

    planned = plan_config(
        args.data, args.out, minutes=args.minutes, device=args.device, backbone=args.backbone, labels=args.labels,
        orientation=args.orientation, seed=args.seed, json=args.json, overwrite=args.overwrite,
    )  # fmt: skip
    cli.console(120).print(plan_table(planned))
    if planned.core_share < BUSY:
        print(
            f'the machine is busy: the timed steps got {planned.core_share:.0%} of its cores; '
            'plan again with --overwrite when it is idle'
        )
    print(f'config: {planned.path}')
    for path in planned.lists:
        print(f'images: {path}')
    print(f'next: {planned.command}')
    return 0


def plan_table(planned: PlannedConfig) -> rich.table.Table:
    """Make the table of a plan for the terminal."""
    from mmseg_ext.eda.table import Table

    plan, machine = planned.plan, planned.machine
    where = machine.name or f'{machine.cores} CPU cores'
    return Table(
        f'Plan for {planned.profile.root}',
        {'choice': None, 'value': None, 'reason': None},
        [[choice.name, choice.value, choice.reason] for choice in plan.choices.values()],
        f'About {plan.minutes:g} minutes and {plan.memory_gb:g} GB on {where}, from three timed steps.',
    ).rich()
