"""Measure what each cleaning rule gains."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext cleaning-ablation data/demo --labels labels --truth labels_true'


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Measure how much each cleaning rule improves masks, by comparison with true ones.',
        EXAMPLE,
        flags={'splits': '--split'},
    )
    parser.add_argument('data', metavar='DATA', help='data set with dataset.yaml')
    parser.add_argument('--labels', metavar='NAME', default='labels', help='label set to clean (default: labels)')
    parser.add_argument('--truth', metavar='NAME', default='labels_true', help='true masks (default: labels_true)')
    parser.add_argument('--split', default='train', help='split (default: train)')
    parser.add_argument('--thorough', action='store_true', help='as in mmseg-ext clean')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, print a table by rule and, for synthetic data, by kind of defect."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.eda.cleaning import Thresholds
    from mmseg_ext.eda.cleaning.ablation import ablate_rules

    limits = Thresholds().thorough() if args.thorough else Thresholds()
    result = ablate_rules(args.data, args.labels, args.truth, args.split, limits)
    print('| rules | changed masks | better | worse | mean Dice | mean IoU | pixels changed in true masks |')
    print('| --- | --- | --- | --- | --- | --- | --- |')
    for row in result.rows:
        dice, iou = (f'{before:.5f} → {after:.5f}' for before, after in (row.dice, row.iou))
        changed = f'{row.changed} of {row.masks}'
        print(f'| {row.name} | {changed} | {row.better} | {row.worse} | {dice} | {iou} | {row.true_pixels_changed} |')
    return cli.report_left_out(result.left_out)
