"""PH²: skin lesions in dermoscopic images."""

from __future__ import annotations

from typing import Any, ClassVar

from mmseg_ext.datasets.folder import FolderDataset
from mmseg_ext.registry import DATASETS


@DATASETS.register_module()
class PH2Dataset(FolderDataset):
    """Skin, lesion, as ``mmseg-ext convert ph2`` writes them (Mendonça et al., EMBC 2013).

    A folder without ``dataset.yaml`` gets these names and colours.
    """

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=('skin', 'lesion'), palette=[[0, 0, 0], [60, 200, 120]])
