"""Photographs on which an exported model is compared with its original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.images import Pixels, read_upright
from mmseg_ext.errors import InputError
from mmseg_ext.runs.config import load_config
from mmseg_ext.workflows.predict import find_photos

SYNTHETIC_SIZE = 192


def check_images(config_path: str | Path, sources: Sequence[str], count: int) -> tuple[list[Pixels], str]:
    """Photographs (H, W, 3), RGB, spread evenly over those that there are, and what they are.

    Args:
        config_path: The experiment, whose validation images are taken.
        sources: Files, folders and patterns to take instead.
        count: How many.

    Returns:
        The photographs and a few words. Where the validation images are not here, they are synthetic: equality of two
        engines can be seen on any picture.

    Raises:
        InputError: A source is or holds no image, or there are fewer than ``count`` in them.
    """
    if sources:
        paths = find_photos(sources)
        if len(paths) < count:
            raise InputError(f'--images: {len(paths)} photographs, but {count} are needed; name more')
        return _read(paths, count), 'given photographs'
    loader = load_config(config_path).get('val_dataloader') or {}
    dataset = loader.get('dataset') or {}
    folder = Path(str(dataset.get('data_root'))) / 'img' / str(dataset.get('split'))
    paths = list(list_stems(folder, IMAGE_SUFFIXES).values()) if folder.is_dir() else []
    if len(paths) >= count:
        return _read(paths, count), f'images of {folder}'
    from mmseg_ext.demo.scene import render_scene

    rng = np.random.default_rng(0)
    scenes = [render_scene(rng, SYNTHETIC_SIZE, 1 + number % 2) for number in range(count)]
    return [scene.image for scene in scenes], 'synthetic photographs'


def _read(paths: Sequence[Path], count: int) -> list[Pixels]:
    chosen = np.linspace(0, len(paths) - 1, count).round().astype(int)
    return [read_upright(paths[index]).pixels for index in chosen]
