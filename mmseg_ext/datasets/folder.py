"""A data set of the project's layout: folders of images and masks, and a ``dataset.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset

from mmseg_ext.data.check import decode_items, pair_files
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Item, Split
from mmseg_ext.datasets.cache import SharedArrays
from mmseg_ext.errors import InputError
from mmseg_ext.registry import DATASETS


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """Images ``ROOT/img/<split>/<stem>.jpg|png`` and masks ``ROOT/<labels>/<split>/<stem>.png``.

    Class names, palette and ignored value come from ``ROOT/dataset.yaml``. All files of the split are decoded and
    checked once at the start (`mmseg_ext.data.check`).

    Args:
        data_root: ROOT.
        split: Folder name below ``img`` and the label set: train, val, test.
        labels: Label set; None for images alone.
        cache: Keep the decoded arrays in memory, shared by all workers. The pipeline must begin with
            ``mmseg_ext.LoadImage`` and ``mmseg_ext.LoadMask``, which use them.
        masks_optional: A split without a folder in the label set is a split without masks, to be predicted only.
        check: Decode and check every file at the start; False checks the names only.
        kwargs: As in mmseg's BaseSegDataset (pipeline, indices, test_mode …).

    Raises:
        InputError: A folder or file is missing or cannot be used; the message names up to five files.
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
        self.classes = self._read_classes()
        meta = dict(
            classes=self.classes.names,
            palette=[list(colour) for colour in self.classes.palette],
            ignore_index=self.classes.ignore_index,
        )
        super().__init__(data_root=data_root, metainfo=meta, ignore_index=self.classes.ignore_index, **kwargs)
        self._metainfo.update(split=split, labels=labels)  # not above: mmengine takes a string for the name of a file

    def _read_classes(self) -> Classes:
        if not self.root.is_dir():
            raise InputError(self.root, 'data folder not found', 'write it, or set data_root in the config')
        declared = self.METAINFO.get('classes')
        if declared is None:
            return Classes.read(self.root)
        if not (self.root / 'dataset.yaml').is_file():
            return Classes.from_mapping(
                {key: _plain(value) for key, value in self.METAINFO.items()}, type(self).__name__
            )
        classes = Classes.read(self.root)
        if classes.names != tuple(declared):
            raise InputError(
                self.root / 'dataset.yaml',
                f'names the classes {", ".join(classes.names)}, but {type(self).__name__} has {", ".join(declared)}',
                'use mmseg_ext.FolderDataset for other classes',
            )
        return classes

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the split's files."""
        self._items = {item.stem: item for item in pair_files(self._split, self.masks_optional)}
        return [self._entry(item) for item in self._items.values()]

    def full_init(self) -> None:
        """List the files, keep those of ``indices``, then check and cache what is left."""
        if self._fully_initialized:
            return
        super().full_init()
        if not self._check_wanted and not self._cache_wanted:
            return
        stems = [super(FolderDataset, self).get_data_info(index)['stem'] for index in range(len(self))]
        items = [self._items[stem] for stem in stems]
        decoded = decode_items(items, self.classes, self._split, keep=self._cache_wanted)
        if self._cache_wanted:
            self._position = {str(item.image): position for position, item in enumerate(items)}
            self._images = SharedArrays(
                [image[..., ::-1] for image, _ in decoded]
            )  # BGR, as mmseg's transforms expect it
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
        """One sample's paths, and its arrays where they are cached."""
        info: dict[str, Any] = super().get_data_info(idx)
        if self._images is not None:
            position = self._position[info['img_path']]  # not idx: get_subset() renumbers
            info['img'] = self._images[position]
            if self._masks is not None:
                info['gt_seg_map'] = self._masks[position]
        return info


def _plain(value: Any) -> Any:
    """Tuples as lists, as a YAML file would give them."""
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
