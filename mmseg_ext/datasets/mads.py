"""MADS: persons in martial arts, dancing and sports."""

from __future__ import annotations

from typing import Any, ClassVar

from mmseg_ext.datasets.folder import FolderDataset
from mmseg_ext.registry import DATASETS


@DATASETS.register_module()
class MADSDataset(FolderDataset):
    """Background, person, as ``mmseg-ext convert mads`` writes them (Zhang et al., IVC 2017).

    A folder without ``dataset.yaml`` gets these names and colours.
    """

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=('background', 'person'), palette=[[0, 0, 0], [240, 150, 40]])
