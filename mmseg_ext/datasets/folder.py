"""mmseg data set on the project's layout: folders of images and masks, and a ``dataset.yaml``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from numpy.typing import NDArray

from mmseg_ext.data.check import Decoded, PairCheck, pair_files
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Item, Split, choose_files
from mmseg_ext.data.masks import read_mask
from mmseg_ext.datasets.cache import SharedArrays, cache_limit, shared_zeros
from mmseg_ext.errors import InputError
from mmseg_ext.registry import DATASETS


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """Images ``ROOT/img/<split>/<stem>.jpg|png`` and masks ``ROOT/<labels>/<split>/<stem>.png``.

    Class names, palette and ignored value come from ``ROOT/dataset.yaml``, which must exist. Every pair is checked
    once, up to 500 at the start, the others when they are first read (`mmseg_ext.data.check`).

    Args:
        data_root: ROOT.
        split: Name of the folder in ``img`` and in the label set: train, val, test.
        labels: Label set; None for images without masks.
        cache: Keep the decoded arrays in memory, shared by all workers. The pipeline must begin with
            ``mmseg_ext.LoadImage`` and ``mmseg_ext.LoadMask``, which use them.
        cache_gib: Largest size of the cache in GiB. The cache also takes at most a quarter of the available memory and
            half of the free shared memory. What does not fit is decoded whenever it is read.
        masks_optional: Accept a split without a folder in the label set, for prediction only.
        check: Check the files; False checks only the file names, unless the files are cached.
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
        cache_gib: float = 2.0,
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
        self._is_subset = kwargs.get('indices') is not None
        self._cache_wanted = cache
        self._cache_gib = cache_gib
        self._check_wanted = check
        self._images: SharedArrays | None = None
        self._masks: SharedArrays | None = None
        self._check: PairCheck | None = None
        self._checked: torch.Tensor | None = None  # of each pair, shared by all workers
        self._position: dict[str, int] = {}  # image → its position in the check
        if not self.root.is_dir():
            raise InputError(self.root, 'data folder not found', 'create it, or set `data_root:` in the config')
        self.classes = Classes.read(self.root)
        meta = self.classes.as_mapping() | {'classes': self.classes.names}
        self.METAINFO = meta  # where mmseg's confusion_matrix.py looks for the classes
        super().__init__(data_root=str(self.root), metainfo=meta, ignore_index=self.classes.ignore_index, **kwargs)

    @property
    def metainfo(self) -> dict[str, Any]:
        """Content of ``dataset.yaml``, the split and the label set."""
        return {**super().metainfo, 'split': self.split, 'labels': self.labels}

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the split's files."""
        self._items = {item.stem: item for item in pair_files(self._split, self.masks_optional)}
        if self.ann_file:
            listed = {stem for _, stem in choose_files([item.key for item in self._items.values()], self.ann_file)}
            self._items = {stem: item for stem, item in self._items.items() if stem in listed}
        folders = str(self._split.image_folder), str(self._split.mask_folder) if self.labels is not None else ''
        return [self._entry(item, *folders) for item in self._items.values()]

    def full_init(self) -> None:
        """List the files, keep those of ``indices``, then check and cache what cannot wait."""
        super().full_init()
        if self._check is not None or not (self._check_wanted or self._cache_wanted):
            return
        items = list(self._items.values())
        if self._is_subset:
            items = [self._items[super(FolderDataset, self).get_data_info(index)['stem']] for index in range(len(self))]
        folder = str(self._split.image_folder)
        self._position = {os.path.join(folder, item.image_name or ''): index for index, item in enumerate(items)}
        self._check = PairCheck(items, self.classes, self._split, _warn)
        headers = self._check.look_at_headers()
        if self._cache_wanted:
            self._reserve(headers.pixels, any(item.mask_name for item in items))
        checked = self._check.check_at_once(headers, self._store)
        self._checked = shared_zeros(len(items))
        self._checked.numpy()[:] = checked

    def _reserve(self, pixels: NDArray[np.int64], with_masks: bool) -> None:
        """Reserve the cache for the first pairs, as many as fit."""
        limit = min(cache_limit(), int(self._cache_gib * 2**30))
        fits = np.cumsum(pixels * (3 + with_masks)) <= limit  # bytes
        pixels = pixels * fits
        try:
            self._images, self._masks = SharedArrays(pixels * 3), SharedArrays(pixels * with_masks)
        except OSError as error:
            self._images = self._masks = None
            _warn(f'{self._split.image_folder}: nothing is cached ({error})')
            return
        if not fits.all():
            _warn(
                f'{self._split.image_folder}: {fits.sum()} of {len(fits)} images are cached, in '
                f'{limit / 2**20:.0f} MiB (`cache_gib`, or what memory allows); the others are decoded whenever they '
                'are read'
            )

    def _store(self, position: int, decoded: Decoded) -> None:
        image, mask = decoded
        if self._images is not None and self._masks is not None:
            if mask is not None:
                self._masks.store(position, mask)
            self._images.store(position, image[..., ::-1])  # BGR, mmseg's order; last, since it is asked for first

    def _read(self, path: str) -> Decoded | None:
        """Return a pair's arrays, the image in BGR, from the cache or, the first time, from its files; else None."""
        if self._check is None or self._checked is None:
            return None
        position = self._position[path]
        if self._images is not None and self._masks is not None and (image := self._images.get(position)) is not None:
            return image, self._masks.get(position)
        if self._checked[position]:
            return None
        image, mask = self._check.decode(position)
        self._store(position, (image, mask))
        self._checked[position] = True
        return np.ascontiguousarray(image[..., ::-1]), mask

    def _entry(self, item: Item, image_folder: str, mask_folder: str) -> dict[str, Any]:
        return dict(
            img_path=os.path.join(image_folder, item.image_name or ''),
            seg_map_path=None if item.mask_name is None else os.path.join(mask_folder, item.mask_name),
            stem=item.stem,
            label_map=None,
            reduce_zero_label=False,
            seg_fields=[],
        )

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return a sample's paths, and its arrays (``img`` in BGR, ``gt_seg_map``) if they are at hand.

        Raises:
            InputError: The pair is read for the first time, and cannot be used.
        """
        info: dict[str, Any] = super().get_data_info(idx)
        if (decoded := self._read(info['img_path'])) is not None:  # not by idx: get_subset() renumbers the samples
            info['img'], mask = decoded
            if mask is not None:
                info['gt_seg_map'] = mask
        return info

    def get_cat_ids(self, idx: int) -> list[int]:
        """List the classes in a sample's mask, for mmengine's ``ClassBalancedDataset``."""
        info = self.get_data_info(idx)
        mask = info.get('gt_seg_map')
        if mask is None:
            mask = read_mask(info['seg_map_path']) if info['seg_map_path'] else np.zeros(0, np.uint8)
        return [int(index) for index in np.flatnonzero(self.classes.count_pixels(mask))]


def _warn(line: str) -> None:
    print_log(line, logger='current', level=logging.WARNING)
