"""Generator of the demo data set.

``ROOT/defects.json`` records how the set was made and which defects were planted::

    {
      "generator": "mmseg_ext.demo",
      "version": 1,
      "seed": 0,
      "parameters": {"train": 120, "val": 40, "test": 40, "size": 256, "seed": 0, "defects": 0.4},
      "images": {"train/train_00003": [{"kind": "shifted_mask", "dx": 9, "dy": -4, "changed_pixels": 812}]}
    }

An image that is not listed has the same mask in ``labels`` and ``labels_true``.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.data.classes import IGNORE_INDEX, Classes
from mmseg_ext.data.defects import FILE_NAME as RECORD_NAME
from mmseg_ext.data.defects import GENERATOR, TRUTH, read_record
from mmseg_ext.data.images import write_image
from mmseg_ext.data.masks import write_mask
from mmseg_ext.demo.defects import DEFECTS, plant
from mmseg_ext.demo.scene import Scene, render_scene
from mmseg_ext.errors import InputError
from mmseg_ext.files import names_in, staged_folder, write_json
from mmseg_ext.progress import track

VERSION = 1  # increase it whenever the same parameters give other files
CLASSES = ('background', 'cat', 'dog')
PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))
SPLITS_WITH_DEFECTS = ('train', 'val')
SCENE_STREAM, ASSIGNMENT_STREAM, DEFECT_STREAM, CAMERA_STREAM = range(4)  # last number of the seeds
SPLITS = ('train', 'val', 'test')
LABEL_SETS = (TRUTH, 'labels')
MIN_SIZE_PX = 64


@dataclass(frozen=True)
class DemoSettings:
    """Settings of a demo data set; the same settings give the same files.

    Attributes:
        train: Number of train images.
        val: Number of val images.
        test: Number of test images; their ``labels`` have no defects.
        size: Side of the square images in pixels, at least 64.
        seed: Random seed, 0 or more.
        defects: Share (0–1) of the train and val images that get a defect.

    Raises:
        InputError: A value is out of range.
    """

    train: int = 120
    val: int = 40
    test: int = 40
    size: int = 256
    seed: int = 0
    defects: float = 0.4

    def __post_init__(self) -> None:
        for split in SPLITS:
            if self.count(split) < 0:
                raise InputError(f'`{split}={self.count(split)}`', 'a number of images cannot be negative')
        if not any(self.count(split) for split in SPLITS):
            raise InputError('`train`, `val` and `test`', 'are all 0', 'ask for at least one image')
        if self.size < MIN_SIZE_PX:
            raise InputError(f'`size={self.size}`', f'must be at least {MIN_SIZE_PX} pixels')
        if self.seed < 0:
            raise InputError(f'`seed={self.seed}`', 'must be 0 or more')
        if not 0 <= self.defects <= 1:
            raise InputError(f'`defects={self.defects}`', 'must be a share from 0 to 1')

    def count(self, split: str) -> int:
        """Return the number of images of a split."""
        return int(getattr(self, split))

    def stems(self, split: str) -> list[str]:
        """List the stems of a split; they are unique in the whole set."""
        return [f'{split}_{index:05d}' for index in range(self.count(split))]

    def files(self) -> set[str]:
        """List the files of the complete set, relative to its root."""
        files = {'dataset.yaml', RECORD_NAME}
        for split in SPLITS:
            for stem in self.stems(split):
                files.add(f'img/{split}/{stem}.jpg')
                files.update(f'{label_set}/{split}/{stem}.png' for label_set in LABEL_SETS)
        return files


def make_demo_data(root: str | Path, settings: DemoSettings, overwrite: bool = False) -> bool:
    """Write a demo data set into ``root``; nothing is left behind if that fails.

    Args:
        root: Folder of the set. It must be missing, empty, or a demo data set.
        settings: Settings of the set.
        overwrite: Replace a demo data set that was made with other settings or is incomplete.

    Returns:
        True if the set was made, False if the same complete set exists already.

    Raises:
        InputError: ``root`` holds something else, or cannot be written.
    """
    root = Path(root)
    if _is_occupied(root):
        if not overwrite and _is_complete(root, settings):
            return False
        _refuse_foreign(root, overwrite)
    with staged_folder(root.resolve()) as folder:
        _write_set(folder, settings)
    return True


def summarize(root: str | Path) -> str:
    """Describe a demo data set in two lines: images per split and planted defects per kind."""
    record = read_record(root)
    kinds = Counter(defect['kind'] for planted in record['images'].values() for defect in planted)
    counts = ', '.join(f'{split} {record["parameters"][split]}' for split in SPLITS)
    planted = ', '.join(f'{kind} {kinds[kind]}' for kind in DEFECTS if kinds[kind])
    return f'images: {counts}\ndefects: {len(record["images"])} images' + (f' ({planted})' if planted else '')


def render_image(settings: DemoSettings, split: str, index: int) -> Scene:
    """Render one image of the set; the result depends on nothing but the arguments."""
    rng = np.random.default_rng([settings.seed, SPLITS.index(split), index, SCENE_STREAM])
    return render_scene(rng, settings.size, first_class=1 + index % 2)


def assign_defects(settings: DemoSettings, split: str) -> dict[int, str]:
    """Assign kinds of defects to images of a split: the kinds in turn, over a seeded permutation of the images."""
    if split not in SPLITS_WITH_DEFECTS:
        return {}
    order = np.random.default_rng([settings.seed, SPLITS.index(split), 0, ASSIGNMENT_STREAM]).permutation(
        settings.count(split)
    )
    kinds = list(DEFECTS)
    return {int(index): kinds[i % len(kinds)] for i, index in enumerate(order[: round(settings.defects * len(order))])}


def _write_set(root: Path, settings: DemoSettings) -> None:
    planted: dict[str, list[dict[str, Any]]] = {}
    tasks = [(split, index, stem) for split in SPLITS for index, stem in enumerate(settings.stems(split))]
    kinds = {split: assign_defects(settings, split) for split in SPLITS}
    for split, index, stem in track(tasks, 'images'):
        scene = render_image(settings, split, index)
        labels = scene.mask
        if index in kinds[split]:
            rng = np.random.default_rng([settings.seed, SPLITS.index(split), index, DEFECT_STREAM])
            labels, defect = plant(kinds[split][index], scene.mask, scene.objects, rng)
            planted[f'{split}/{stem}'] = [defect]
        quality = int(
            np.random.default_rng([settings.seed, SPLITS.index(split), index, CAMERA_STREAM]).integers(75, 96)
        )
        write_image(root / 'img' / split / f'{stem}.jpg', scene.image, quality)
        write_mask(root / TRUTH / split / f'{stem}.png', scene.mask, PALETTE)
        write_mask(root / 'labels' / split / f'{stem}.png', labels, PALETTE)
    Classes(CLASSES, PALETTE, IGNORE_INDEX).write(root)
    record = {
        'generator': GENERATOR,
        'version': VERSION,
        'seed': settings.seed,
        'parameters': asdict(settings),
        'images': planted,
    }
    write_json(root / RECORD_NAME, record)


def _is_occupied(root: Path) -> bool:
    if not root.exists():
        return False
    if not root.is_dir():
        raise InputError(root, 'is a file', 'give a folder')
    return bool(names_in(root))


def _is_complete(root: Path, settings: DemoSettings) -> bool:
    """Tell whether ``root`` is a demo set with these settings and all its files."""
    try:
        record = read_record(root)
    except InputError:
        return False
    same = record.get('version') == VERSION and record.get('parameters') == asdict(settings)
    return same and all((root / name).is_file() for name in settings.files())


def _refuse_foreign(root: Path, overwrite: bool) -> None:
    """Refuse a folder with files that this generator did not write, and without ``overwrite`` any."""
    if not (root / RECORD_NAME).is_file():
        raise InputError(root, 'holds something other than a demo set', 'choose another folder')
    record = read_record(root)
    if not overwrite:
        raise InputError(
            root,
            'is a demo set with other settings, or incomplete',
            'choose another folder, or replace it with `overwrite=True`',
        )
    try:
        ours = DemoSettings(**record['parameters']).files()
    except (KeyError, TypeError) as error:
        raise InputError(root / RECORD_NAME, 'has no readable `parameters:`', 'remove the folder yourself') from error
    for folder, _, names in os.walk(root):
        for name in names:
            found = (Path(folder) / name).relative_to(root).as_posix()
            if found not in ours:
                raise InputError(
                    root / found, 'was not made by this tool', f'move it before `overwrite=True` replaces {root}'
                )
