"""Pretrained weights: the table of the published files, and where each is found or downloaded.

Standard library only; of mmseg_ext it imports errors, files and progress. Reading a file needs torch and is in runs.
"""

from mmseg_ext.weights.published import PUBLISHED, PublishedWeights, published
from mmseg_ext.weights.resolver import SCHEME, VARIABLE, cache_folder, find, local_file, resolve

__all__ = [
    'PUBLISHED',
    'SCHEME',
    'VARIABLE',
    'PublishedWeights',
    'cache_folder',
    'find',
    'local_file',
    'published',
    'resolve',
]
