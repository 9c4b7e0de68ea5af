"""Export masks to LabelMe, import them again, and compare two label sets."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ext.commands import cli
from mmseg_ext.errors import CombinedInputError, InputError

if TYPE_CHECKING:
    from mmseg_ext.eda.diff import LabelDiff

EXAMPLE = 'mmseg-ext labelme export data/pets --labels labels --out work_dirs/labelme'
DIFF_FILES = ('diff.csv', 'diff.json', 'diff.html')


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the command, with its sub-commands."""
    parser = cli.ArgumentParser(
        f'{__doc__}\nPainting and merging rules: docs/labelme.md.', EXAMPLE, 'mmseg-ext labelme'
    )
    commands = parser.add_subparsers(required=True, metavar='COMMAND', dest='command', parser_class=cli.ArgumentParser)
    _add_export(commands)
    _add_import(commands)
    _add_diff(commands)
    return parser


def _add_export(commands: Any) -> None:
    export = commands.add_parser(
        'export', help='masks to LabelMe files', example=EXAMPLE,
        description='Write a LabelMe file for each mask, and the label list labels.txt.',
    )  # fmt: skip
    export.add_argument('data', type=Path, metavar='DATA', help='data set')
    export.add_argument('--labels', metavar='NAME', default='labels', help='label set to export (default: labels)')
    export.add_argument('--out', type=Path, metavar='DIR', required=True, help='folder of the LabelMe files')
    export.add_argument('--splits', type=cli.names, metavar='A,B', help='splits (default: all)')
    export.add_argument(
        '--shapes', choices=['mask', 'polygon'], default='mask', help='type of shapes (default: mask, which is exact)'
    )
    export.add_argument(
        '--tolerance', type=cli.number(0, 100), metavar='PX',
        help='distance that a simplified polygon may be off the outline (default 0: exact)',
    )  # fmt: skip
    export.add_argument('--stems', type=Path, metavar='FILE', help='only these files: one stem or split/stem per line')
    export.add_argument(
        '--merge-from', type=Path, metavar='DIR',
        help='LabelMe files whose shapes, flags, group ids and unknown keys are kept where the mask allows it',
    )  # fmt: skip
    export.add_argument(
        '--ignore-labels', type=cli.names, metavar='A,B', default=(), help='labels in --merge-from that are not classes'
    )
    export.add_argument('--overwrite', action='store_true', help='replace files')
    export.set_defaults(function=_export)


def _add_import(commands: Any) -> None:
    importer = commands.add_parser(
        'import', help='LabelMe files to masks',
        example='mmseg-ext labelme import work_dirs/labelme --data data/pets --to labels_mine',
        description='Write a mask for each LabelMe file; later shapes are painted over earlier ones.',
        flags={'out': '--to or --out'},
    )  # fmt: skip
    importer.add_argument('folder', type=Path, metavar='JSON_DIR', help='folder of the LabelMe files')
    importer.add_argument('--data', type=Path, metavar='DATA', required=True, help='data set that defines the classes')
    target = importer.add_mutually_exclusive_group(required=True)
    target.add_argument('--to', metavar='NAME', help='label set of DATA to write')
    target.add_argument('--out', type=Path, metavar='DIR', help='folder of the masks, instead of a label set')
    importer.add_argument('--splits', type=cli.names, metavar='A,B', help='splits (default: all)')
    importer.add_argument(
        '--ignore-labels', type=cli.names, metavar='A,B', default=(), help='labels whose shapes are left out'
    )
    importer.add_argument(
        '--skip-degenerate', action='store_true',
        help='leave out shapes that are damaged or cover no area, and list them',
    )  # fmt: skip
    importer.add_argument(
        '--order', choices=['list', 'area'], default='list',
        help='list: later shapes over earlier ones; area: small shapes over large ones (default list)',
    )  # fmt: skip
    importer.add_argument(
        '--rasterise', choices=['outline', 'labelme', 'centre'], default='outline',
        help="pixels of a shape: inside and outline; as labelme's converters paint them; or those whose centre is\n"
        'inside (default outline; see docs/labelme.md)',
    )  # fmt: skip
    importer.add_argument('--json', type=Path, metavar='FILE', help='also write the report to this file')
    importer.add_argument('--overwrite', action='store_true', help='replace files')
    importer.set_defaults(function=_import)


def _add_diff(commands: Any) -> None:
    diff = commands.add_parser(
        'diff', help='changes between two label sets',
        example='mmseg-ext labelme diff data/pets --a labels --b labels_fixed --out work_dirs/diff',
        description='Compare two label sets pixel by pixel.',
    )  # fmt: skip
    diff.add_argument('data', type=Path, metavar='DATA', help='data set')
    diff.add_argument('--a', metavar='NAME', required=True, help='first label set')
    diff.add_argument('--b', metavar='NAME', required=True, help='second label set')
    diff.add_argument('--splits', type=cli.names, metavar='A,B', help='splits (default: all)')
    diff.add_argument('--out', type=Path, metavar='DIR', help=f'folder for {", ".join(DIFF_FILES)}')
    diff.add_argument('--top', type=int, metavar='N', default=10, help='number of files to print (default 10)')
    diff.add_argument('--overwrite', action='store_true', help='replace files')
    diff.set_defaults(function=_diff)


@contextmanager
def _listing_problems(folder: Path) -> Iterator[None]:
    """Print each of several problems, and count them in one error."""
    try:
        yield
    except CombinedInputError as error:
        cli.print_problems(error)
        raise InputError(folder, f'{len(error.problems)} problems, listed above', error.remedy) from error


def _export(args: argparse.Namespace) -> int:
    from mmseg_ext.converters.labelme.exporting import ExportSettings, export_masks

    if args.tolerance is not None and args.shapes != 'polygon':
        raise InputError('`tolerance`', 'is only for polygons', "add `shapes='polygon'` or leave it out")
    with _listing_problems(args.data):
        report = export_masks(
            args.data, args.labels, args.out,
            ExportSettings(args.shapes, args.tolerance or 0, args.merge_from, args.ignore_labels),
            splits=args.splits, queue=args.stems, overwrite=args.overwrite,
        )  # fmt: skip
    for (split, stem), pixels in report.errors.items():
        if pixels:
            print(f'{split}/{stem}: {pixels} px differ')
    wrong = sum(report.errors.values())
    kept = f', {report.merged} of them merged' if args.merge_from else ''
    print(f'{args.out}: {len(report.errors)} files{kept}; {wrong:,} of {report.pixels:,} px differ from the masks')
    return cli.report_left_out([str(error) for error in report.left_out])


def _import(args: argparse.Namespace) -> int:
    from mmseg_ext.converters.labelme.importing import import_masks
    from mmseg_ext.converters.labelme.paint import PaintRules
    from mmseg_ext.converters.report import MAX_LISTED
    from mmseg_ext.data.dataset import DataSet
    from mmseg_ext.files import refuse_existing, write_json

    if args.json:
        refuse_existing([args.json], args.overwrite, 'json')
    out = args.out or DataSet(args.data).new_label_set(args.to).folder
    with _listing_problems(args.folder):
        report = import_masks(
            args.folder, args.data, out,
            splits=args.splits,
            rules=PaintRules(args.ignore_labels, args.order, args.rasterise, args.skip_degenerate),
            add_images=args.to is not None,
            overwrite=args.overwrite,
        )  # fmt: skip
    for (split, stem), overlaps in report.overlaps.items():
        for (hidden, top), count in overlaps.items():
            print(f'{split}/{stem}: {top} covers {hidden} on {count} px')
    for split, stem in report.images:
        print(f'{split}/{stem}: the embedded image was added to {args.data}')
    cli.print_report(report.counts, most=MAX_LISTED)
    if args.json:
        write_json(args.json, report.as_json())
    skipped = f', {report.skipped} left out' if report.skipped else ''
    print(
        f'{out}: {report.files} masks from {report.painted} shapes{skipped}; '
        f'shapes of different classes overlap in {len(report.overlaps)} files'
    )
    return int(bool(report.counts.failed))


def _diff(args: argparse.Namespace) -> int:
    from mmseg_ext.eda.diff import diff_csv, diff_json, diff_labels
    from mmseg_ext.files import refuse_existing, staged_result, write_json, write_text

    if args.out:
        refuse_existing([args.out / name for name in DIFF_FILES], args.overwrite)
    diff = diff_labels(args.data, args.a, args.b, splits=args.splits)
    if args.out:
        from mmseg_ext.reports.diff_page import write_diff_page

        with staged_result(args.out, set(DIFF_FILES)) as stage:
            write_text(stage / 'diff.csv', diff_csv(diff))
            write_json(stage / 'diff.json', diff_json(diff))
            write_diff_page(stage / 'diff.html', diff, args.data)
    _print_diff(diff, args.top)
    for name in DIFF_FILES if args.out else ():
        print(args.out / name)
    return cli.report_left_out([file.problem for file in diff.files if file.status == 'unreadable'])


def _print_diff(diff: LabelDiff, top: int) -> None:
    from mmseg_ext.eda.diff import STATUSES

    for file in diff.files:
        if file.status not in ('same', 'changed', 'unreadable'):
            print(f'{file.split}/{file.stem}: {file.status}')
    for file in [file for file in diff.files if file.status == 'changed'][: max(top, 0)]:
        flips = ', '.join(f'{flip} {count:,}' for flip, count in diff.flips([file]).items())
        print(f'{file.split}/{file.stem}: {file.changed:,} px ({file.share:.2%}): {flips}')
    changed, pixels = sum(file.changed for file in diff.files), sum(file.pixels for file in diff.files)
    counts = ', '.join(f'{diff.count(s)} {s}' for s in STATUSES if s != 'unreadable' or diff.count(s))
    print(f'{diff.a} → {diff.b}: {counts}; {changed:,} of {pixels:,} px changed')


def main(argv: Sequence[str] | None = None) -> int | None:
    """Parse, run the sub-command, print the result."""
    args = build_parser().parse_args(argv)
    code: int | None = args.function(args)
    return code
