"""What the comparison of the int8 model refuses; the export itself: tests/commands/test_export.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.images import write_image
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.inference.export_int8 import read_split
from mmseg_ext.inference.network import ModelInfo


def test_a_split_without_images_masks_or_the_models_classes_is_refused(info: ModelInfo, tmp_path: Path) -> None:
    (tmp_path / 'dataset.yaml').write_text('classes: [background, dog]')
    with pytest.raises(InputError, match=r'its classes differ from those of the model \(background, cat, dog\)'):
        read_split(tmp_path, 'labels', info)
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat, dog]')
    with pytest.raises(InputError, match='img/val: not found; static quantisation needs validation images'):
        read_split(tmp_path, 'labels', info)
    (tmp_path / 'img' / 'val').mkdir(parents=True)
    with pytest.raises(InputError, match='labels/val: not found'):
        read_split(tmp_path, 'labels', info)
    (tmp_path / 'labels' / 'val').mkdir(parents=True)
    with pytest.raises(InputError, match='img/val: folder holds no'):
        read_split(tmp_path, 'labels', info)
    pixels, mask = np.full((4, 6, 3), 9, np.uint8), np.array([[0, 1], [2, 255]], np.uint8).repeat(2, 0).repeat(3, 1)
    write_image(tmp_path / 'img' / 'val' / 'a.png', pixels)
    write_mask(tmp_path / 'labels' / 'val' / 'a.png', mask, info.classes.palette)
    images, masks = read_split(tmp_path, 'labels', info)
    np.testing.assert_array_equal(images, [pixels])
    np.testing.assert_array_equal(masks, [mask])
    write_mask(tmp_path / 'labels' / 'val' / 'a.png', mask.T, info.classes.palette)
    with pytest.raises(InputError, match=r'a\.png: mask is 4×6 pixels'):
        read_split(tmp_path, 'labels', info)
