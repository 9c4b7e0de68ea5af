"""Making the demo data set: a complete folder, or none.

``ROOT/defects.json`` says how the set was made and what was planted::

    {
      "generator": "mmseg_ext.demo",
      "version": 1,
      "seed": 0,
      "parameters": {"train": 120, "val": 40, "test": 40, "size": 256, "seed": 0, "defects": 0.4},
      "images": {"train/train_00003": [{"kind": "shifted_mask", "dx": 9, "dy": -4, "changed_pixels": 812}]}
    }

An image that is not listed has the same mask in ``labels`` as in ``labels_true``.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import write_mask
from mmseg_ext.demo.defects import DEFECTS, plant
from mmseg_ext.demo.scene import Scene, render_scene
from mmseg_ext.demo.settings import RECORD, SPLITS, DemoSettings
from mmseg_ext.errors import InputError
from mmseg_ext.files import staged_folder, write_json
from mmseg_ext.progress import track

GENERATOR = 'mmseg_ext.demo'
VERSION = 1  # raise it whenever the same parameters give other files
CLASSES = ('background', 'cat', 'dog')
PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))
IGNORE_INDEX = 255
SPLITS_WITH_DEFECTS = ('train', 'val')
ASSIGNMENT, DEFECT, CAMERA = 1, 2, 3  # what a stream of random numbers is for; the scene itself has stream 0


def make_demo_data(root: str | Path, settings: DemoSettings, overwrite: bool = False) -> bool:
    """Write a demo data set into ``root``, whole or not at all.

    Args:
        root: The folder to make. It must be missing, empty, or a demo data set.
        settings: What to make.
        overwrite: Replace a demo data set that was made with other settings or is incomplete.

    Returns:
        True if it was made, False if the same complete set stood there already.

    Raises:
        InputError: ``root`` holds something else, or cannot be written.
    """
    root = Path(root).resolve()
    if _is_occupied(root):
        if not overwrite and _is_complete(root, settings):
            return False
        if not overwrite:
            raise InputError(
                f'{root}: is not this demo set; name another folder, or replace a demo set with --overwrite'
            )
        _refuse_foreign(root)
    with staged_folder(root) as folder:
        _write_set(folder, settings)
    return True


def read_record(root: str | Path) -> dict[str, Any]:
    """Read ``root/defects.json``.

    Raises:
        InputError: It is missing, damaged, or was not written by this generator.
    """
    path = Path(root) / RECORD
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read ({error}); {root} is no demo data set') from error
    if not isinstance(record, dict) or record.get('generator') != GENERATOR:
        raise InputError(f'{path}: was not written by {GENERATOR}; {root} is no demo data set')
    return record


def summary(root: str | Path) -> str:
    """A few lines on a demo data set: images a split and the planted defects a kind."""
    record = read_record(root)
    kinds = Counter(defect['kind'] for planted in record['images'].values() for defect in planted)
    counts = ', '.join(f'{split} {record["parameters"][split]}' for split in SPLITS)
    planted = ', '.join(f'{kind} {kinds[kind]}' for kind in DEFECTS if kinds[kind])
    return f'images: {counts}\ndefects: {len(record["images"])} images' + (f' ({planted})' if planted else '')


def render_image(settings: DemoSettings, split: str, index: int) -> Scene:
    """One image of the set. It depends on nothing but these arguments, so the order of work does not matter."""
    rng = np.random.default_rng([settings.seed, SPLITS.index(split), index, 0])
    return render_scene(rng, settings.size, first_class=1 + index % 2)


def assign_defects(settings: DemoSettings, split: str) -> dict[int, str]:
    """Which image of a split gets which kind: the kinds in turn, over a seeded permutation of the images."""
    if split not in SPLITS_WITH_DEFECTS:
        return {}
    order = np.random.default_rng([settings.seed, SPLITS.index(split), 0, ASSIGNMENT]).permutation(
        settings.count(split)
    )
    kinds = list(DEFECTS)
    return {int(index): kinds[i % len(kinds)] for i, index in enumerate(order[: round(settings.defects * len(order))])}


def _write_set(root: Path, settings: DemoSettings) -> None:
    planted: dict[str, list[dict[str, Any]]] = {}
    tasks = [(split, index, stem) for split in SPLITS for index, stem in enumerate(settings.stems(split))]
    kinds = {split: assign_defects(settings, split) for split in SPLITS}
    for split, index, stem in track(tasks, 'drawing pets'):
        scene = render_image(settings, split, index)
        labels = scene.mask
        if index in kinds[split]:
            rng = np.random.default_rng([settings.seed, SPLITS.index(split), index, DEFECT])
            labels, defect = plant(kinds[split][index], scene.mask, scene.objects, rng)
            planted[f'{split}/{stem}'] = [defect]
        quality = int(np.random.default_rng([settings.seed, SPLITS.index(split), index, CAMERA]).integers(75, 96))
        _write_image(root / 'img' / split / f'{stem}.jpg', scene, quality)
        write_mask(root / 'labels_true' / split / f'{stem}.png', scene.mask, PALETTE)
        write_mask(root / 'labels' / split / f'{stem}.png', labels, PALETTE)
    Classes(CLASSES, PALETTE, IGNORE_INDEX).write(root)
    record = {
        'generator': GENERATOR,
        'version': VERSION,
        'seed': settings.seed,
        'parameters': asdict(settings),
        'images': planted,
    }
    write_json(root / RECORD, record)


def _write_image(path: Path, scene: Scene, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, jpeg = cv2.imencode('.jpg', cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    path.write_bytes(jpeg.tobytes())


def _is_occupied(root: Path) -> bool:
    if not root.exists():
        return False
    if not root.is_dir():
        raise InputError(f'{root}: is a file; name a folder')
    return any(root.iterdir())


def _is_complete(root: Path, settings: DemoSettings) -> bool:
    """Whether ``root`` is a demo set with these settings and no file of it is missing."""
    try:
        record = read_record(root)
    except InputError:
        return False
    same = record.get('version') == VERSION and record.get('parameters') == asdict(settings)
    return same and all((root / name).is_file() for name in settings.files())


def _refuse_foreign(root: Path) -> None:
    """Only what this generator wrote may be replaced: any other file stops it (`InputError`)."""
    record = read_record(root)
    try:
        ours = DemoSettings(**record['parameters']).files()
    except (KeyError, TypeError) as error:
        raise InputError(f'{root / RECORD}: has no readable `parameters`; remove the folder yourself') from error
    for folder, _, names in os.walk(root):
        for name in names:
            found = (Path(folder) / name).relative_to(root).as_posix()
            if found not in ours:
                raise InputError(
                    f'{root / found}: was not made by this tool; move it before --overwrite replaces {root}'
                )
