"""Export masks to COCO, YOLO, CVAT or PASCAL VOC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.commands import cli

EXAMPLE = 'mmseg-ext export-labels data/pets --labels labels --format coco --out work_dirs/coco'
FORMATS = {
    'coco': 'annotations/instances_<split>.json with run lengths: exact',
    'coco-polygon': 'the same with polygons',
    'cvat': 'CVAT for images 1.1, annotations.xml with masks: exact',
    'voc': 'palette PNG and the labelmap.txt of CVAT\'s "Segmentation mask": exact',
    'yolo': 'YOLO segmentation: data.yaml, and polygons in text files',
}


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    listed = '\n'.join(f'  {name:<14}{text}' for name, text in FORMATS.items())
    parser = cli.ArgumentParser(
        f'{__doc__}\n\nAn object is a region: touching pixels of one class, corners included.\n\nformats:\n{listed}\n\n'
        'Pixels that the export does not reproduce are counted by class. For LabelMe: mmseg-ext labelme export.',
        EXAMPLE,
        flags={'kind': '--format'},
    )
    cli.add_data_arguments(parser, labels=None, what='label set to export')
    parser.add_argument('--format', choices=list(FORMATS), required=True, help='see above')
    parser.add_argument('--out', type=Path, metavar='D', required=True, help='folder to write')
    parser.add_argument('--copy-images', action='store_true', help='also copy the images')
    parser.add_argument(
        '--tolerance', type=cli.number(0, 100), metavar='PX', default=0.0,
        help='distance that a simplified polygon may be off the outline (default 0: exact)',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier export')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the report to this file')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, export, print the report."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.converters.exports import export_labels
    from mmseg_ext.files import refuse_existing, write_json

    if args.json:
        refuse_existing([args.json], args.overwrite, 'json')
    report = export_labels(
        args.data, args.labels, args.out, args.format, splits=args.splits, images=args.copy_images,
        tolerance=args.tolerance, overwrite=args.overwrite,
    )  # fmt: skip
    cli.print_report(report)
    if args.json:
        write_json(args.json, report.as_json())
    print(f'{args.out}: {report.total("objects"):,} objects; {report.total("px differ"):,} px differ from the masks')
    return 0 if report.is_clean else 1
