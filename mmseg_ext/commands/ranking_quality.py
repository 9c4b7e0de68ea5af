"""Measure how well a label ranking finds wrong masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'mmseg-ext ranking-quality work_dirs/ranking data/pets --truth labels_fixed --out label_quality.json'


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    parser = ArgumentParser(
        'Measure how well a label ranking finds the masks that a person has corrected. For several rankings, such as\n'
        'one per judge, also give the mean and the worst.',
        EXAMPLE,
    )
    parser.add_argument('ranking', nargs='+', help='folder written by mmseg-ext rank')
    parser.add_argument('data', metavar='DATA', help='data set that was ranked')
    parser.add_argument('--truth', metavar='NAME', required=True, help='corrected label set')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the measures as JSON')
    parser.add_argument('--overwrite', action='store_true', help='replace FILE')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print, write."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.eda.agreement import SEVERE_IOU, WRONG_IOU
    from mmseg_ext.eda.quality.ranking import measure_ranking, spread_over_rankings
    from mmseg_ext.files import refuse_existing, write_json

    if args.out:
        refuse_existing([args.out], args.overwrite)
    measured = {folder: measure_ranking(folder, args.data, args.truth) for folder in args.ranking}
    for folder, quality in measured.items():
        if len(measured) > 1:
            print(folder)
        print(
            f'{quality["masks"]} masks, {quality["wrong"]} wrong (IoU < {WRONG_IOU}), '
            f'{quality["severe"]} severe (< {SEVERE_IOU})'
        )
        for name, measures in quality['scores'].items():
            print(f'{name:24}' + ', '.join(f'{key} {value}' for key, value in measures.items()))
    report = quality
    if len(measured) > 1:
        spread = spread_over_rankings(list(measured.values()))
        print(f'mean and worst of {len(measured)} rankings')
        for name, measures in spread.items():
            figures = (f'{key} {value["mean"]:g} / {value["worst"]:g}' for key, value in measures.items())
            print(f'{name:24}' + ', '.join(figures))
        report = {'rankings': measured, 'spread': spread}
    if args.out:
        write_json(args.out, report)
    return 0
