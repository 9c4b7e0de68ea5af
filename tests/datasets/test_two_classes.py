"""The two-class sets: names, colours, and the files that their converters write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.converters.mads import MADS
from mmseg_ext.converters.output import Sample, write_data_set
from mmseg_ext.converters.ph2 import PH2
from mmseg_ext.data.classes import Classes
from mmseg_ext.datasets import FolderDataset, MADSDataset, PH2Dataset
from mmseg_ext.errors import InputError

SETS = [(PH2Dataset, PH2, 'skin, lesion'), (MADSDataset, MADS, 'background, person')]


@pytest.mark.parametrize(('dataset', 'classes', 'names'), SETS)
def test_it_reads_what_its_converter_writes(
    dataset: type[FolderDataset], classes: Classes, names: str, tmp_path: Path
) -> None:
    mask = np.eye(4, 6, dtype=np.uint8)
    samples = [Sample('train', 'a', '.png', lambda: (np.zeros((4, 6, 3), np.uint8), mask))]
    write_data_set(tmp_path / 'data', classes, samples, 'test', {})
    loaded = dataset(str(tmp_path / 'data'), 'train', cache=True)
    assert ', '.join(loaded.metainfo['classes']) == names
    np.testing.assert_array_equal(loaded.get_data_info(0)['gt_seg_map'], mask)
    (tmp_path / 'data' / 'dataset.yaml').unlink()
    bare = dataset(str(tmp_path / 'data'), 'train')
    assert bare.metainfo == loaded.metainfo
    assert [tuple(colour) for colour in bare.metainfo['palette']] == list(classes.palette)
    (tmp_path / 'data' / 'dataset.yaml').write_text('classes: [cat]\npalette: [[0, 0, 0]]\n')
    with pytest.raises(InputError, match=names):
        dataset(str(tmp_path / 'data'), 'train')
