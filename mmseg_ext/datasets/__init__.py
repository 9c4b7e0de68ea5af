"""mmseg's data loading for this project's data sets: `FolderDataset`, transforms, and reproducible samples.

Importing registers the classes. It may import registry and the layers below it (eda, converters, demo, data).
"""

from mmseg_ext.datasets import transforms
from mmseg_ext.datasets.folder import FolderDataset

__all__ = ['FolderDataset', 'transforms']
