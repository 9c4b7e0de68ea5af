"""Writers of label sets in foreign formats."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, TextIO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from mmseg_ext.converters.exports.shapes import (
    Canvas,
    encode_counts,
    paint,
    pieces,
    polygons,
    regions_of,
    runs_by_column,
    runs_by_row,
)
from mmseg_ext.converters.naming import IGNORED_NAMES, ignored_rank
from mmseg_ext.converters.regions import join_loops
from mmseg_ext.converters.report import IGNORED
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import Mask, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder

NOTHING = -1  # in the mask that a reader gets: no object, and no class that is the background
VOC_IGNORED = 255
VOID_COLOUR = (224, 224, 192)  # the colour of VOC's border


class Writer(ABC):
    """Base class of the writers, one per format.

    Args:
        folder: An empty folder for its files.
        classes: Classes of the masks.
        tolerance: Distance in pixels by which a polygon may leave the outline.

    Attributes:
        images: Place of a split's images within the folder.
        notes: What the user should know about the result.
    """

    images = 'images/{split}'

    def __init__(self, folder: Path, classes: Classes, tolerance: float = 0) -> None:
        self.folder = folder
        self.classes = classes
        self.tolerance = tolerance
        self.notes: list[str] = []
        self.values = list(classes.object_classes)

    @abstractmethod
    def add(self, split: str, name: str, mask: Mask) -> Canvas:
        """Write a mask, shape (H, W), for a named image, and return the mask that a reader gets from the file."""

    @abstractmethod
    def finish(self, splits: list[str]) -> None:
        """Write what belongs to the whole export."""

    @property
    def ignored(self) -> str:
        """Name under which readers recognize ignored pixels (`name_classes`), whatever the classes are called.

        Raises:
            InputError: A class has that name.
        """
        first = min(self.classes.names, key=ignored_rank)
        free = IGNORED_NAMES[: ignored_rank(first)]
        if not free:
            raise InputError(f'class {first!r}', 'has a name reserved for ignored pixels', 'rename it')
        return IGNORED if IGNORED in free else free[-1]

    @property
    def _empty(self) -> int:
        """Value of pixels without an object in the mask that a reader gets."""
        return 0 if 0 not in self.values else NOTHING


class CocoWriter(Writer):
    """COCO: ``annotations/instances_<split>.json``, with run lengths."""

    as_polygons = False

    def __init__(self, folder: Path, classes: Classes, tolerance: float = 0) -> None:
        super().__init__(folder, classes, tolerance)
        self._content: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def add(self, split: str, name: str, mask: Mask) -> Canvas:
        """Write a mask: an annotation for each region, and the ignored pixels as a crowd of each class."""
        height, width = mask.shape
        content = self._content.setdefault(split, {'images': [], 'annotations': []})
        key = len(content['images']) + 1
        content['images'].append({'id': key, 'file_name': name, 'width': width, 'height': height})
        back = np.full(mask.shape, self._empty, np.int16)
        for region in sorted(regions_of(mask, self.values), key=lambda region: -region.area):
            entry = {'category_id': region.value, 'iscrowd': 0, 'area': region.area, 'bbox': list(region.box)}
            if self.as_polygons:
                outlines = polygons(region, self.tolerance)
                paint(back, region.value, outlines)
                if not outlines:
                    continue
                entry['segmentation'] = [points.reshape(-1).tolist() for points in outlines]
            else:
                entry['segmentation'] = _run_lengths(runs_by_column(region, height, width), mask)
                back[mask == region.value] = region.value
            self._annotate(content, key, entry)
        void = mask == self.classes.ignore_index
        if void.any():
            rows, columns = np.nonzero(void)
            top, left = int(rows.min()), int(columns.min())
            box = [left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1]
            counts = runs_by_row(void.T)
            for value in self.values:
                entry = {'category_id': value, 'iscrowd': 1, 'area': int(void.sum()), 'bbox': box}
                self._annotate(content, key, {**entry, 'segmentation': _run_lengths(counts, mask)})
            back[void & (back == self._empty)] = self.classes.ignore_index
        return back

    def _annotate(self, content: dict[str, list[dict[str, Any]]], image: int, entry: dict[str, Any]) -> None:
        content['annotations'].append({'id': len(content['annotations']) + 1, 'image_id': image, **entry})

    def finish(self, splits: list[str]) -> None:
        """Write a file for each split."""
        shift = 0 if 0 not in self.values else 1  # ids of categories begin at 1
        categories = [{'id': value + shift, 'name': self.classes.names[value]} for value in self.values]
        for content in self._content.values():
            for annotation in content['annotations']:
                annotation['category_id'] += shift
        for split, content in self._content.items():
            path = make_folder(self.folder / 'annotations') / f'instances_{split}.json'
            text = json.dumps({'categories': categories, **content}, ensure_ascii=False, separators=(',', ':'))
            path.write_text(text, encoding='utf-8')


class CocoPolygonWriter(CocoWriter):
    """COCO with polygons: one for each piece of a region, with holes connected by cuts of zero width."""

    as_polygons = True


class YoloWriter(Writer):
    """YOLO segmentation: ``labels/<split>/<stem>.txt`` and ``data.yaml``."""

    _has_ignored = False

    def add(self, split: str, name: str, mask: Mask) -> Canvas:
        """Write a mask: a line for each region, with its pieces and holes connected by cuts of zero width."""
        height, width = mask.shape
        back = np.full(mask.shape, self._empty, np.int16)
        lines = []
        self._has_ignored |= bool((mask == self.classes.ignore_index).any())
        for region in sorted(regions_of(mask, self.values), key=lambda region: -region.area):
            loops = [loop for piece in pieces(region, self.tolerance) for loop in piece]
            if loops:
                points = (join_loops(loops) / [width, height]).round(7)
                paint(back, region.value, [points * [width, height]])
                numbers = ' '.join(f'{number:.7g}' for number in points.reshape(-1))
                lines.append(f'{self.values.index(region.value)} {numbers}\n')
        path = make_folder(self.folder / 'labels' / split) / f'{Path(name).stem}.txt'
        path.write_text(''.join(lines), encoding='utf-8')
        return back

    def finish(self, splits: list[str]) -> None:
        """Write ``data.yaml``."""
        import yaml

        names = dict(enumerate(self.classes.names[value] for value in self.values))
        folders = {split: f'images/{split}' for split in splits}
        content = {'path': '.', **folders, 'names': names}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (self.folder / 'data.yaml').write_text(text, encoding='utf-8')
        if self._has_ignored:
            self.notes.append('YOLO has no ignored pixels: they become background')


class CvatWriter(Writer):
    """CVAT for images 1.1: ``annotations.xml``, with a mask for each region."""

    def __init__(self, folder: Path, classes: Classes, tolerance: float = 0) -> None:
        super().__init__(folder, classes, tolerance)
        self._stream: TextIO = (folder / 'annotations.xml').open('w', encoding='utf-8')
        self._count = 0
        colours = [(classes.names[value], classes.palette[value]) for value in self.values]
        labels = ''.join(
            f'<label><name>{escape(name)}</name><color>#{bytes(colour).hex()}</color><type>any</type></label>\n'
            for name, colour in [*colours, (self.ignored, VOID_COLOUR)]
        )
        self._stream.write(
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
            f'<meta><task><labels>\n{labels}</labels></task></meta>\n'
        )

    def add(self, split: str, name: str, mask: Mask) -> Mask:
        """Write a mask; its ignored pixels become masks with a separate label."""
        height, width = mask.shape
        self._stream.write(
            f'<image id="{self._count}" name={quoteattr(name)} subset={quoteattr(split)} '
            f'width="{width}" height="{height}">\n'
        )
        self._count += 1
        for region in regions_of(mask, [*self.values, self.classes.ignore_index]):
            left, top, box_width, box_height = region.box
            is_class = region.value != self.classes.ignore_index
            label = quoteattr(self.classes.names[region.value] if is_class else self.ignored)
            runs = ', '.join(map(str, runs_by_row(region.pixels)))
            self._stream.write(
                f'<mask label={label} source="manual" occluded="0" rle="{runs}" left="{left}" top="{top}" '
                f'width="{box_width}" height="{box_height}" z_order="0"></mask>\n'
            )
        self._stream.write('</image>\n')
        return mask

    def finish(self, splits: list[str]) -> None:
        """End the file."""
        self._stream.write('</annotations>\n')
        self._stream.close()


class VocWriter(Writer):
    """PASCAL VOC: ``SegmentationClass/<stem>.png``, ``ImageSets`` and the ``labelmap.txt`` of CVAT."""

    images = 'JPEGImages'

    def __init__(self, folder: Path, classes: Classes, tolerance: float = 0) -> None:
        super().__init__(folder, classes, tolerance)
        for name in classes.names:
            if ':' in name or name.lstrip().startswith('#') or not name.strip():
                raise InputError(
                    f'class {name!r}', 'cannot be written to labelmap.txt', 'give it a name without : or #'
                )
        if len(set(classes.palette)) < len(classes.palette):
            raise InputError('palette of dataset.yaml', 'has the same colour twice', 'give each class its own')
        self._void = next(
            colour for colour in (VOID_COLOUR, *((v, v, v) for v in range(255))) if colour not in classes.palette
        )
        self._names: dict[str, list[str]] = {}

    def add(self, split: str, name: str, mask: Mask) -> Mask:
        """Write a mask as a palette PNG; ignored pixels are 255."""
        stem = Path(name).stem
        path = self.folder / 'SegmentationClass' / f'{stem}.png'
        if path.exists():
            raise InputError(
                f'{split}/{stem}', 'its stem is also in another split, but VOC has one folder', 'rename it'
            )
        stored = np.where(mask == self.classes.ignore_index, VOC_IGNORED, mask).astype(np.uint8)
        empty = [(0, 0, 0)] * (VOC_IGNORED - len(self.classes.palette))
        write_mask(path, stored, [*self.classes.palette, *empty, self._void])
        self._names.setdefault(split, []).append(stem)
        return mask

    def finish(self, splits: list[str]) -> None:
        """Write the lists and names."""
        rows = [*zip(self.classes.names, self.classes.palette, strict=True), (self.ignored, self._void)]
        lines = [f'{name}:{",".join(map(str, colour))}::' for name, colour in rows]
        text = '\n'.join(['# label:color_rgb:parts:actions', *lines]) + '\n'
        (self.folder / 'labelmap.txt').write_text(text, encoding='utf-8')
        folder = make_folder(self.folder / 'ImageSets' / 'Segmentation')
        for split, names in self._names.items():
            (folder / f'{split}.txt').write_text(''.join(f'{name}\n' for name in names), encoding='utf-8')


def _run_lengths(counts: list[int], mask: Mask) -> dict[str, Any]:
    return {'size': list(mask.shape), 'counts': encode_counts(counts)}
