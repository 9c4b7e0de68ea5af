"""The reference task: cats and dogs."""

from __future__ import annotations

from typing import Any, ClassVar

from mmseg_ext.datasets.folder import FolderDataset
from mmseg_ext.registry import DATASETS


@DATASETS.register_module()
class PetsDataset(FolderDataset):
    """Background, cat, dog. A folder without ``dataset.yaml`` gets these names and colours."""

    METAINFO: ClassVar[dict[str, Any]] = dict(
        classes=('background', 'cat', 'dog'),
        palette=[[0, 0, 0], [220, 60, 60], [60, 100, 230]],
    )
