"""Dataset classes and transforms. Importing registers them."""

from mmseg_ext.datasets import transforms
from mmseg_ext.datasets.folder import FolderDataset
from mmseg_ext.datasets.pets import PetsDataset

__all__ = ['FolderDataset', 'PetsDataset', 'transforms']
