from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('mmseg')

import torch
from mmengine.config import Config

from mmseg_ext.eda.images import read_image
from mmseg_ext.eda.masks import read_mask
from mmseg_ext.engine.preview_batch import preview_batch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mmseg_ext.demo.generate import make_demo_data
    from mmseg_ext.demo.settings import DemoSettings

    root = tmp_path_factory.mktemp('data') / 'pets'
    make_demo_data(root, DemoSettings(train=3, val=1, test=1, size=64))
    return root


@pytest.fixture
def config(root: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv('PETS_ROOT', str(root))
    config = Config.fromfile(ROOT / 'configs/pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_pets-256x256.py')
    loading = [dict(type='mmseg_ext.LoadImage'), dict(type='mmseg_ext.LoadMask'), dict(type='PackSegInputs')]
    config.train_dataloader.dataset.update(pipeline=loading, labels='labels_true')
    return config


def with_mix(config: Config, mix: dict[str, Any]) -> Config:
    config.model.data_preprocessor.update(type='mmseg_ext.SegDataPreProcessor', batch_augments=mix)
    return config


def test_without_a_mix_it_shows_the_files(config: Config, root: Path) -> None:
    shown = preview_batch(config, 3)
    files = sorted((root / 'img' / 'train').iterdir())
    originals = {read_image(path).tobytes(): path.stem for path in files}
    assert len(originals) == 3
    stems = {originals[image.tobytes()] for image, _ in shown}
    assert stems == {path.stem for path in files}
    for image, mask in shown:
        stem = originals[image.tobytes()]
        assert image.dtype == mask.dtype == np.uint8
        assert (mask == read_mask(root / 'labels_true' / 'train' / f'{stem}.png')).all()


@pytest.mark.parametrize('n', [1, 2, 5, 9])
def test_as_many_as_asked_for(config: Config, n: int) -> None:
    assert len(preview_batch(with_mix(config, dict(type='mmseg_ext.CutMix', prob=1.0)), n)) == n


def test_mixtures_are_soft(config: Config) -> None:
    for image, target in preview_batch(with_mix(config, dict(type='mmseg_ext.MixUp', prob=1.0, alpha=1.0)), 3):
        assert image.shape == (64, 64, 3)
        assert target.shape == (3, 64, 64)
        assert target.dtype == np.float32
        assert np.allclose(target.sum(0), 1)


def test_a_seed_is_a_sheet(config: Config) -> None:
    config = with_mix(config, dict(type='mmseg_ext.MixUp', prob=1.0, alpha=1.0))
    states = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()  # type: ignore[union-attr]
    sheets = [np.stack([image for image, _ in preview_batch(config, 4, seed)]) for seed in (1, 1, 2)]
    assert (sheets[0] == sheets[1]).all()
    assert (sheets[0] != sheets[2]).any()
    assert states[0] == random.getstate()
    assert states[1] == np.random.get_state()[1].tobytes()  # type: ignore[union-attr]
    assert torch.equal(states[2], torch.get_rng_state())
