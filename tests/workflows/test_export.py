from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmseg')

from mmseg_ext.data import write_image
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.export import choose_check_images, export_model


def test_few_images_of_the_config_are_taken_before_synthetic_ones(tmp_path: Path) -> None:
    config = tmp_path / 'c.py'
    config.write_text(f"val_dataloader = dict(dataset=dict(data_root='{tmp_path}', split='val'))\n")
    assert choose_check_images(config, (), 2)[1] == 'synthetic images'
    folder = tmp_path / 'img' / 'val'
    for grey in (10, 20, 30):
        write_image(folder / f'{grey}.png', np.full((8, 8, 3), grey, np.uint8))
    pixels, description = choose_check_images(config, (), 32)
    assert ([int(image[0, 0, 0]) for image in pixels], description) == ([10, 20, 30], f'images of {folder}')
    assert [int(image[0, 0, 0]) for image in choose_check_images(config, (), 2)[0]] == [10, 30]


def test_the_data_set_of_the_int8_model_is_checked_before_anything_is_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='nowhere/img/val: not found; static quantisation'):
        export_model(tmp_path / 'no.py', tmp_path / 'no.pth', tmp_path / 'm.onnx', int8=tmp_path / 'nowhere')
