"""Dataset classes and transforms. Importing registers them."""

from mmseg_ext.datasets import transforms
from mmseg_ext.datasets.folder import FolderDataset
from mmseg_ext.datasets.mads import MADSDataset
from mmseg_ext.datasets.pets import PetsDataset
from mmseg_ext.datasets.ph2 import PH2Dataset

__all__ = ['FolderDataset', 'MADSDataset', 'PH2Dataset', 'PetsDataset', 'transforms']
