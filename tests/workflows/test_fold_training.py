from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colour_networks import INFO, ColourNetwork
from PIL import Image

pytest.importorskip('mmseg')

from mmseg_ext.workflows.fold_training import DTYPE, _run_fold
from mmseg_ext.workflows.out_of_fold import FoldTask

SEVERAL = ((64.0, 64.0), (96.0, 96.0))


@pytest.mark.parametrize(
    ('sizes', 'flip', 'sides', 'expected'),
    [
        (SEVERAL, True, (), [(2, 3, 64, 64), (2, 3, 96, 96)]),
        (SEVERAL, False, (), [(1, 3, 64, 64), (1, 3, 96, 96)]),
        ((), False, (), [(1, 3, 64, 64)]),
        (SEVERAL, True, (32,), [(2, 3, 32, 32)]),
        (SEVERAL, False, (32,), [(1, 3, 32, 32)]),
    ],
)
def test_held_out_images_are_predicted_in_the_views_of_the_config(
    sizes: Any, flip: bool, sides: tuple[int, ...], expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = ColourNetwork(replace(INFO, size=(64.0, 64.0), tta_sizes=sizes, tta_flip=flip))
    opened: list[Any] = []

    def train(config: str, work_dir: str, seed: int, options: Any) -> None:
        (tmp_path / 'last_checkpoint').write_text('/elsewhere/iter_2.pth')

    def open_network(*arguments: Any, **options: Any) -> ColourNetwork:
        opened.append((arguments, options))
        return network

    monkeypatch.setattr('mmseg_ext.workflows.train.train_in_own_process', train)
    monkeypatch.setattr('mmseg_ext.inference.torch_network.TorchNetwork', open_network)
    config, image, options = tmp_path / 'c.py', tmp_path / 'a.png', {'train_dataloader.dataset.cache': False}
    config.write_text('train_dataloader = dict(dataset=dict(type="D", cache=True))')
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(image)
    folder = str(tmp_path)
    _run_fold(FoldTask(str(config), 'd', 'labels', 'train', (), (str(image),), 0, sides, options, folder, folder))
    assert sorted(network.calls) == expected
    assert (tmp_path / 'a.npz').is_file()
    assert opened == [((str(config), tmp_path / 'iter_2.pth', DTYPE), {'options': options})]
