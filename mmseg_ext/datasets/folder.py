"""mmseg data set on the project's layout: folders of images and masks, and a ``dataset.yaml``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset

from mmseg_ext.data.check import decode_items, pair_files
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Item, Split, choose_files
from mmseg_ext.data.masks import read_mask
from mmseg_ext.datasets.cache import SharedArrays
from mmseg_ext.errors import InputError
from mmseg_ext.registry import DATASETS


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """Images ``ROOT/img/<split>/<stem>.jpg|png`` and masks ``ROOT/<labels>/<split>/<stem>.png``.

    Class names, palette and ignored value come from ``ROOT/dataset.yaml``, which must exist. All files of the split are
    decoded and checked once at the start (`mmseg_ext.data.check`).

    Args:
        data_root: ROOT.
        split: Name of the folder in ``img`` and in the label set: train, val, test.
        labels: Label set; None for images without masks.
        cache: Keep the decoded arrays in memory, shared by all workers. The pipeline must begin with
            ``mmseg_ext.LoadImage`` and ``mmseg_ext.LoadMask``, which use them.
        masks_optional: Accept a split without a folder in the label set, for prediction only.
        check: Decode and check every file at the start; False checks the file names only.
        kwargs: As in mmseg's BaseSegDataset (pipeline, indices, test_mode …). ``ann_file`` is a text file that names
            the images of the split to use, one stem per line (relative to ROOT): one folder can serve several splits.

    Raises:
        InputError: A folder, ``dataset.yaml`` or a file is missing or cannot be used; the message names up to five
            files.
    """

    def __init__(
        self,
        data_root: str,
        split: str,
        labels: str | None = 'labels',
        cache: bool = False,
        masks_optional: bool = False,
        check: bool = True,
        **kwargs: Any,
    ) -> None:
        self.root = Path(data_root).expanduser()
        self.split = split
        self.labels = labels
        self._split = Split(self.root, split, labels)
        self._items: dict[str, Item] = {}
        self.masks_optional = masks_optional
        self._cache_wanted = cache
        self._check_wanted = check
        self._images: SharedArrays | None = None
        self._masks: SharedArrays | None = None
        self._position: dict[str, int] = {}
        if not self.root.is_dir():
            raise InputError(self.root, 'data folder not found', 'create it, or set `data_root:` in the config')
        self.classes = Classes.read(self.root)
        meta = self.classes.as_mapping() | {'classes': self.classes.names}
        self.METAINFO = meta  # where mmseg's confusion_matrix.py looks for the classes
        super().__init__(data_root=data_root, metainfo=meta, ignore_index=self.classes.ignore_index, **kwargs)
        self._metainfo.update(split=split, labels=labels)  # not above: mmengine reads a string as a file name

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the split's files."""
        self._items = {item.stem: item for item in pair_files(self._split, self.masks_optional)}
        if self.ann_file:
            listed = {stem for _, stem in choose_files([item.key for item in self._items.values()], self.ann_file)}
            self._items = {stem: item for stem, item in self._items.items() if stem in listed}
        return [self._entry(item) for item in self._items.values()]

    def full_init(self) -> None:
        """List the files, keep those of ``indices``, then check and cache them."""
        if self._fully_initialized:
            return
        super().full_init()
        if not self._check_wanted and not self._cache_wanted:
            return
        stems = [super(FolderDataset, self).get_data_info(index)['stem'] for index in range(len(self))]
        items = [self._items[stem] for stem in stems]
        decoded = decode_items(items, self.classes, self._split, keep=self._cache_wanted, warn=_warn)
        if self._cache_wanted:
            self._position = {str(item.image): position for position, item in enumerate(items)}
            self._images = SharedArrays([image[..., ::-1] for image, _ in decoded])  # BGR, mmseg's order
            masks = [mask for _, mask in decoded if mask is not None]
            self._masks = SharedArrays(masks) if masks else None

    def _entry(self, item: Item) -> dict[str, Any]:
        return dict(
            img_path=str(item.image),
            seg_map_path=None if item.mask is None else str(item.mask),
            stem=item.stem,
            label_map=None,
            reduce_zero_label=False,
            seg_fields=[],
        )

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return a sample's paths, and its arrays (``img`` in BGR, ``gt_seg_map``) where they are cached."""
        info: dict[str, Any] = super().get_data_info(idx)
        if self._images is not None:
            position = self._position[info['img_path']]  # not idx: get_subset() renumbers the samples
            info['img'] = self._images[position]
            if self._masks is not None:
                info['gt_seg_map'] = self._masks[position]
        return info

    def get_cat_ids(self, idx: int) -> list[int]:
        """List the classes in a sample's mask, as mmengine's ``ClassBalancedDataset`` asks for them."""
        info = self.get_data_info(idx)
        mask = info.get('gt_seg_map')
        if mask is None:
            mask = read_mask(info['seg_map_path']) if info['seg_map_path'] else np.zeros(0, np.uint8)
        return [int(index) for index in np.flatnonzero(self.classes.count_pixels(mask))]


def _warn(line: str) -> None:
    print_log(line, logger='current', level=logging.WARNING)


for _name in ('PetsDataset', 'PH2Dataset', 'MADSDataset'):  # of configs from before dataset.yaml named all classes
    DATASETS.register_module(name=_name, module=FolderDataset)
