"""Convert a public data set, or an annotation tool's export, to the project's layout.

Nothing is downloaded. Run the same command again to continue an interrupted conversion.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.commands import cli
from mmseg_ext.converters.coco import CropOptions, WholeOptions, convert_coco, read_names
from mmseg_ext.converters.cvat import convert_cvat
from mmseg_ext.converters.folder import convert_colour, convert_folder
from mmseg_ext.converters.mads import GROUP, convert_mads
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.oxford_pet import convert_oxford_pet
from mmseg_ext.converters.ph2 import convert_ph2
from mmseg_ext.converters.split import SplitOptions
from mmseg_ext.converters.supervisely import convert_supervisely
from mmseg_ext.converters.voc import convert_voc
from mmseg_ext.converters.yolo import convert_yolo
from mmseg_ext.errors import InputError

NATIVE = 'native'  # size of crops that are not resized


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the command, with one sub-command per format."""
    parser = cli.ArgumentParser(__doc__ or '', 'mmseg-ext convert voc --help', 'mmseg-ext convert')
    formats = parser.add_subparsers(required=True, metavar='FORMAT', dest='format', parser_class=cli.ArgumentParser)
    _add_coco(formats)
    _add_colour(formats)
    _add_cvat(formats)
    _add_folder(formats)
    _add_mads(formats)
    _add_oxford_pet(formats)
    _add_ph2(formats)
    _add_supervisely(formats)
    _add_voc(formats)
    _add_yolo(formats)
    return parser


def _add_coco(formats: Any) -> None:
    crops, whole = CropOptions(), WholeOptions()
    parser = formats.add_parser(
        'coco', help='COCO images, whole or as crops of their objects',
        description='Convert COCO images with masks: crops of objects, or with --whole the images as they are.\n\n'
        'All crops of an image go to one split. An object within the crop of a larger one gets no crop of its own,\n'
        'but is in the mask. ANNOTATIONS may be a folder with one file per split; these splits are then kept.',
        example='mmseg-ext convert coco downloads/annotations/instances_train2017.json downloads/train2017 \\\n'
        '    data/coco-pets --classes cat,dog',
    )  # fmt: skip
    parser.add_argument('annotations', metavar='ANNOTATIONS', help='instances_*.json, or a folder with one per split')
    parser.add_argument('images', metavar='IMAGES', help='folder of the images')
    _add_data(parser)
    parser.add_argument(
        '--classes', type=cli.names, metavar='A,B',
        help='categories to convert, numbered from 1 in this order; others are background '
        '(default: all, except groups of others that have no objects)',
    )  # fmt: skip
    parser.add_argument(
        '--crowds', choices=['ignored', 'objects'], default=crops.crowds,
        help=f'what to make of objects with iscrowd (default {crops.crowds})',
    )  # fmt: skip
    parser.add_argument('--whole', action='store_true', help='convert whole images, not resized, instead of crops')
    parser.add_argument('--skip-empty', action='store_true', help='with --whole: leave out images without objects')
    parser.add_argument(
        '--min-area', type=float, metavar='PX',
        help=f'pixels that an object must cover to get a crop (default {crops.min_area})',
    )  # fmt: skip
    parser.add_argument(
        '--margin', type=float, metavar='SHARE',
        help=f'background around an object, as a share of the longer side of its box (default {crops.margin})',
    )  # fmt: skip
    parser.add_argument(
        '--size', type=_size, metavar='PX',
        help=f'side of the square crops, or "native": not square, not resized (default {crops.size})',
    )  # fmt: skip
    _add_shares(parser, whole.val, whole.test)
    parser.add_argument('--exclude', metavar='FILE', help='leave out the images whose ids or names are listed in FILE')
    _add_rest(parser, _coco)


def _coco(args: argparse.Namespace) -> Converted:
    common = {key: getattr(args, key) for key in ('classes', 'crowds', 'val', 'test', 'seed')}
    of_crops = {key: getattr(args, key) for key in ('min_area', 'margin', 'size') if getattr(args, key) is not None}
    if args.whole and of_crops:
        raise InputError(f'`{next(iter(of_crops))}`', 'is for crops, not for `whole`', 'leave out one of them')
    if args.skip_empty and not args.whole:
        raise InputError('`skip_empty`', 'requires `whole`', 'leave it out')
    if args.size == NATIVE:
        of_crops['size'] = None
    if args.whole:
        options: CropOptions | WholeOptions = WholeOptions(**common, keep_empty=not args.skip_empty)
    else:
        options = CropOptions(**common, **of_crops)
    exclude = read_names(args.exclude) if args.exclude else set()
    return convert_coco(args.annotations, args.images, args.data, options, exclude=exclude, overwrite=args.overwrite)


def _add_colour(formats: Any) -> None:
    parser = formats.add_parser(
        'colour', help='images and masks with a colour for each class',
        description='Convert masks with a colour for each class.\n\n'
        'Folders named train, val or test become the splits; if there are none, use --val, --test or --list.\n'
        'A mask with a colour that is not in the table is rejected, and such colours are counted.',
        example='mmseg-ext convert colour downloads/images downloads/masks data/camvid --colours class_dict.csv',
    )  # fmt: skip
    _add_pairs(parser)
    parser.add_argument(
        '--colours', metavar='FILE', required=True,
        help='dataset.yaml with a palette, labelmap.txt (name:r,g,b), or a CSV: name,r,g,b or name,#rrggbb',
    )  # fmt: skip
    _add_classes(
        parser, 'classes to convert, in order of their ids; others become background (default: all in the table)'
    )
    _add_translation(parser, 'colour')
    _add_split(parser)
    _add_rest(parser, _colour, seed=False)


def _colour(args: argparse.Namespace) -> Converted:
    return convert_colour(
        args.images, args.masks, args.data, colours=args.colours, classes=args.classes, ignored=args.ignored,
        image_suffix=args.image_suffix, mask_suffix=args.mask_suffix, nearest=args.nearest, unknown=args.unknown,
        split=_split(args), overwrite=args.overwrite,
    )  # fmt: skip


def _add_cvat(formats: Any) -> None:
    parser = formats.add_parser(
        'cvat', help='CVAT for images 1.1: polygons, masks, boxes, ellipses',
        description='Convert a "CVAT for images 1.1" export: polygons, masks, boxes and ellipses, in z-order.\n\n'
        'The subsets of a project become the splits; if there are none, use --val, --test or --list.',
        example='mmseg-ext convert cvat downloads/task/annotations.xml data/scratches',
    )  # fmt: skip
    _add_source(parser, 'annotations.xml, or its folder')
    _add_data(parser)
    parser.add_argument('--images', metavar='D', help='folder of the images (default: images next to the file)')
    _add_classes(parser)
    _add_split(parser)
    _add_rest(parser, _cvat, seed=False)


def _cvat(args: argparse.Namespace) -> Converted:
    return convert_cvat(
        args.source, args.data, images=args.images, classes=args.classes, ignored=args.ignored,
        split=_split(args), overwrite=args.overwrite,
    )  # fmt: skip


def _add_folder(formats: Any) -> None:
    parser = formats.add_parser(
        'folder', help='images and numeric masks in folders of your own',
        description='Convert images and numeric masks (class indices, 0/255, 16-bit) in folders of your own.\n\n'
        'Folders named train, val or test become the splits; if there are none, use --val, --test or --list.',
        example='mmseg-ext convert folder tiles tiles data/tiles --image-suffix _img.tif --mask-suffix _gt.png \\\n'
        '    --values 0=background,255=scratch',
    )  # fmt: skip
    _add_pairs(parser)
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument(
        '--classes', type=cli.names, metavar='A,B', help='names of the mask values 0, 1, 2, …; 255 is ignored'
    )
    either.add_argument(
        '--values', type=_values, metavar='V=A,W=B',
        help='mask values and their classes, in order of the ids; "ignored" means ignored pixels',
    )  # fmt: skip
    _add_translation(parser, 'value')
    parser.add_argument(
        '--alpha', action='store_true', help='the masks are the alpha channels: 0 transparent, 255 opaque'
    )
    _add_split(parser)
    _add_rest(parser, _folder, seed=False)


def _folder(args: argparse.Namespace) -> Converted:
    if args.classes and len(set(args.classes)) < len(args.classes):
        remedy = 'to join values, use --values 0=A,1=A'
        raise InputError(f'--classes {",".join(args.classes)}', 'lists a class twice', remedy)
    return convert_folder(
        args.images, args.masks, args.data, values=args.values or dict(enumerate(args.classes)),
        image_suffix=args.image_suffix, mask_suffix=args.mask_suffix, nearest=args.nearest, unknown=args.unknown,
        alpha=args.alpha, split=_split(args), overwrite=args.overwrite,
    )  # fmt: skip


def _add_mads(formats: Any) -> None:
    parser = formats.add_parser(
        'mads', help='MADS: persons in martial arts, dancing and sports',
        description='Convert MADS (persons in martial arts, dancing and sports, 1,192 frames).\n\n'
        'All frames of a performance, from all cameras, go to one split.',
        example='mmseg-ext convert mads downloads/segmentation_full_body_mads_dataset_1192_img data/mads',
    )  # fmt: skip
    _add_source(parser, 'unpacked archive: images, masks')
    _add_data(parser)
    _add_shares(parser)
    parser.add_argument(
        '--group', metavar='REGEX', default=GROUP,
        help=f'must match whole stems; stems with the same first group stay in one split (default {GROUP})',
    )  # fmt: skip
    _add_rest(parser, _mads)


def _mads(args: argparse.Namespace) -> Converted:
    return convert_mads(
        args.source, args.data,
        val=args.val, test=args.test, seed=args.seed, group=args.group, overwrite=args.overwrite,
    )  # fmt: skip


def _add_oxford_pet(formats: Any) -> None:
    parser = formats.add_parser(
        'oxford-pet', help='Oxford-IIIT Pet: cats and dogs',
        description='Convert Oxford-IIIT Pet: background, cat, dog; the border of each trimap is ignored.',
        example='mmseg-ext convert oxford-pet downloads/oxford-iiit-pet data/oxford-pet',
    )  # fmt: skip
    _add_source(parser, 'unpacked archives: images, annotations')
    _add_data(parser)
    parser.add_argument(
        '--val', type=float, metavar='SHARE', default=0.2, help='share of each breed in trainval (default 0.2)'
    )
    _add_rest(parser, _oxford_pet)


def _oxford_pet(args: argparse.Namespace) -> Converted:
    return convert_oxford_pet(args.source, args.data, val=args.val, seed=args.seed, overwrite=args.overwrite)


def _add_ph2(formats: Any) -> None:
    parser = formats.add_parser(
        'ph2', help='PH²: skin lesions',
        description='Convert PH² (200 dermoscopic images of skin lesions).',
        example='mmseg-ext convert ph2 downloads/PH2Dataset data/ph2 --width 384',
    )  # fmt: skip
    _add_source(parser, 'unpacked archive: PH2_dataset.txt, "PH2 Dataset images"')
    _add_data(parser)
    parser.add_argument('--width', type=int, metavar='PX', help='shrink to this width (default: as published)')
    parser.add_argument('--val', type=int, metavar='N', default=40, help='cases in val (default 40)')
    parser.add_argument('--test', type=int, metavar='N', default=40, help='cases in test (default 40)')
    _add_rest(parser, _ph2)


def _ph2(args: argparse.Namespace) -> Converted:
    return convert_ph2(
        args.source, args.data,
        width=args.width, val=args.val, test=args.test, seed=args.seed, overwrite=args.overwrite,
    )  # fmt: skip


def _add_supervisely(formats: Any) -> None:
    parser = formats.add_parser(
        'supervisely', help='Supervisely: polygons, rectangles and bitmaps',
        description='Convert a Supervisely project: polygons, rectangles and bitmaps, in file order.\n\n'
        'Datasets named train, val or test become the splits; if there are none, use --val, --test or --list.',
        example='mmseg-ext convert supervisely downloads/project data/scratches',
    )  # fmt: skip
    _add_source(parser, 'folder with meta.json')
    _add_data(parser)
    _add_classes(parser)
    _add_split(parser)
    _add_rest(parser, _supervisely, seed=False)


def _supervisely(args: argparse.Namespace) -> Converted:
    return convert_supervisely(
        args.source, args.data,
        classes=args.classes, ignored=args.ignored, split=_split(args), overwrite=args.overwrite,
    )  # fmt: skip


def _add_voc(formats: Any) -> None:
    parser = formats.add_parser(
        'voc', help='PASCAL VOC: 20 classes, or your own with labelmap.txt',
        description='Convert the segmentation part of PASCAL VOC, or CVAT\'s "Segmentation mask" export.\n\n'
        'The values are named by labelmap.txt (CVAT), class_names.txt (labelme2voc) or --names. A data set with\n'
        'none of these is rejected, unless its file names are those of the published VOC2012.',
        example='mmseg-ext convert voc downloads/VOCdevkit data/voc-pets --classes cat,dog',
    )  # fmt: skip
    _add_source(parser, 'VOCdevkit, or VOC2012 in it; or the folder with labelmap.txt')
    _add_data(parser)
    _add_classes(parser, 'classes to convert, numbered from 1 in this order; others are background (default: all)')
    parser.add_argument(
        '--names', type=cli.names, metavar='A,B',
        help='names of the values 0, 1, 2, …, background first; "voc" for the 20 classes of VOC',
    )  # fmt: skip
    parser.add_argument('--images', metavar='D', help='image folder of your own data set (default: JPEGImages)')
    parser.add_argument('--keep-empty', action='store_true', help='keep VOC images that show none of the classes')
    _add_split(parser)
    _add_rest(parser, _voc, seed=False)


def _voc(args: argparse.Namespace) -> Converted:
    return convert_voc(
        args.source, args.data, classes=args.classes, names=args.names, ignored=args.ignored, images=args.images,
        keep_empty=args.keep_empty, split=_split(args), overwrite=args.overwrite,
    )  # fmt: skip


def _add_yolo(formats: Any) -> None:
    parser = formats.add_parser(
        'yolo', help='YOLO segmentation: data.yaml and polygons in text files',
        description='Convert a YOLO segmentation data set: data.yaml, images, and text files with polygons.\n\n'
        'The splits of data.yaml are kept. An image without a text file is all background.',
        example='mmseg-ext convert yolo downloads/scratches/data.yaml data/scratches',
    )  # fmt: skip
    _add_source(parser, 'data.yaml, or its folder')
    _add_data(parser)
    _add_classes(parser)
    parser.add_argument('--boxes', action='store_true', help='paint boxes as rectangles (default: skip them)')
    parser.add_argument(
        '--order', choices=['area', 'source'], default='area',
        help='what lies on top: smaller objects, or later lines (default: area)',
    )  # fmt: skip
    _add_rest(parser, _yolo, seed=False)


def _yolo(args: argparse.Namespace) -> Converted:
    return convert_yolo(
        args.source, args.data, classes=args.classes, ignored=args.ignored, boxes=args.boxes, order=args.order,
        overwrite=args.overwrite,
    )  # fmt: skip


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('images', metavar='IMAGES', help='folder of the images')
    parser.add_argument('masks', metavar='MASKS', help='folder of the masks; may be the same')
    _add_data(parser)
    parser.add_argument('--image-suffix', metavar='END', default='', help='ending of the image names: _img.tif')
    parser.add_argument('--mask-suffix', metavar='END', default='', help='ending of the mask names: _gt.png')


def _add_classes(
    parser: argparse.ArgumentParser, text: str = 'classes to convert, numbered from 1 in this order (default: all)'
) -> None:
    parser.add_argument('--classes', type=cli.names, metavar='A,B', help=text)
    parser.add_argument(
        '--ignored', type=cli.names, metavar='A,B',
        help='classes whose pixels are ignored, 255 (default: any named ignored, ignore or void; YOLO: none)',
    )  # fmt: skip


def _add_translation(parser: argparse.ArgumentParser, noun: str) -> None:
    parser.add_argument(
        '--nearest', action='store_true', help=f'map an unknown {noun} to the nearest known one: smoothed edges, JPEG'
    )
    parser.add_argument('--unknown', metavar='NAME', help=f'class, or "ignored", for pixels with an unknown {noun}')


def _add_split(parser: argparse.ArgumentParser) -> None:
    _add_shares(parser)
    parser.add_argument('--seed', type=cli.whole, metavar='N', default=0, help='seed of the split (default 0)')
    parser.add_argument(
        '--group', metavar='REGEX', help='must match whole stems; stems with the same first group stay in one split'
    )
    parser.add_argument(
        '--list', type=_list, metavar='SPLIT=FILE', action='append', default=[],
        help='text file with the images of a split, one per line; replaces the shares, may be repeated',
    )  # fmt: skip


def _split(args: argparse.Namespace) -> SplitOptions:
    return SplitOptions(args.val, args.test, args.seed, args.group, dict(args.list))


def _list(text: str) -> tuple[str, str]:
    """Read ``SPLIT=FILE``."""
    split, equals, path = text.partition('=')
    if not equals or not split.isidentifier():
        raise argparse.ArgumentTypeError(f'{text} is not SPLIT=FILE')
    return split, path


def _values(text: str) -> dict[int, str]:
    """Read ``0=background,255=scratch``."""
    values: dict[int, str] = {}
    for entry in cli.names(text):
        value, equals, name = entry.partition('=')
        if not equals or not value.isdecimal() or int(value) > 65535 or not name.strip() or int(value) in values:
            raise argparse.ArgumentTypeError(f'{entry}: must be VALUE=NAME, each value once')
        values[int(value)] = name.strip()
    return values


def _add_source(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument('source', metavar='SOURCE', help=text)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('data', metavar='DATA', help='data set to write')


def _add_shares(parser: argparse.ArgumentParser, val: float = 0.2, test: float = 0.2) -> None:
    parser.add_argument('--val', type=float, metavar='SHARE', default=val, help=f'share of val (default {val})')
    parser.add_argument('--test', type=float, metavar='SHARE', default=test, help=f'share of test (default {test})')


def _add_rest(
    parser: argparse.ArgumentParser, convert: Callable[[argparse.Namespace], Converted], seed: bool = True
) -> None:
    if seed:
        parser.add_argument('--seed', type=cli.whole, metavar='N', default=0, help='seed of the split (default 0)')
    parser.add_argument('--overwrite', action='store_true', help='replace an earlier conversion')
    parser.add_argument('--json', type=Path, metavar='FILE', help='also write the report to this file')
    parser.set_defaults(convert=convert)


def _size(text: str) -> int | str:
    """Read a number of pixels, or ``native``."""
    if text == NATIVE:
        return NATIVE
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f'{text} is neither a number of pixels nor native')
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, convert, print the result."""
    args = build_parser().parse_args(argv)
    from mmseg_ext.files import refuse_existing, write_json

    if args.json:
        refuse_existing([args.json], args.overwrite, 'json')
    done = args.convert(args)
    cli.print_report(done.report)
    if args.json:
        write_json(args.json, {'images': dict(done.images), 'written': done.written, **done.report.as_json()})
    print(f'{args.data}: {done}')
    return 0 if done.report.is_clean else 1
