"""Tiny sources in the layouts of the published archives, with random pixels, and the masks that must come of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[np.uint8]


@dataclass
class Source:
    """A source on disk.

    Attributes:
        folder: Its folder.
        convert: Converts it into a folder.
        images: Stem → RGB image that must come of it.
        masks: Stem → mask that must come of it.
        needed: Files without which the conversion must be refused.
        alone: Images that cost only themselves.
        other: Settings other than the defaults.
    """

    folder: Path
    convert: Callable[..., Any]
    images: dict[str, Array] = field(default_factory=dict)
    masks: dict[str, Array] = field(default_factory=dict)
    needed: list[Path] = field(default_factory=list)
    alone: list[Path] = field(default_factory=list)
    other: dict[str, Any] = field(default_factory=dict)


def noise(seed: int, height: int = 24, width: int = 32) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def values(seed: int, choice: list[int], height: int = 24, width: int = 32) -> Array:
    return np.random.default_rng(seed).choice(np.array(choice, np.uint8), (height, width))


def save(path: Path, array: Array, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if options.pop('palette', False):
        image.putpalette([value for i in range(256) for value in (i * 37 % 256, i * 91 % 256, i * 151 % 256)])
    image.save(path, **options)
    return path


def decoded(path: Path) -> Array:
    return np.asarray(Image.open(path).convert('RGB'))


def ph2(tmp: Path) -> Source:
    from mmseg_ext.converters.ph2 import convert_ph2

    folder = tmp / 'PH2Dataset'
    cases = [f'IMD{number:03d}' for number in (3, 9, 16, 22, 24, 25, 35, 437)]

    def convert(root: Path, **options: Any) -> Any:
        return convert_ph2(folder, root, **{'val': 2, 'test': 2, **options})

    source = Source(folder, convert, other={'width': 16})
    rows = ['|| Name || Histological Diagnosis || Asymmetry ||', *(f'|| {c} ||  ||  0  ||' for c in cases)]
    folder.mkdir()
    (folder / 'PH2_dataset.txt').write_text('\n'.join([*rows, '', 'Legends:', 'Asymmetry: 0 - Fully Symmetric']))
    source.needed.append(folder / 'PH2_dataset.txt')
    for seed, case in enumerate(cases):
        at = folder / 'PH2 Dataset images' / case
        source.images[case], source.masks[case] = noise(seed), values(seed, [0, 1])
        image = save(at / f'{case}_Dermoscopic_Image' / f'{case}.bmp', source.images[case])
        lesion = source.masks[case] * 255
        modes: list[Any] = [lesion, lesion > 0, np.dstack([lesion] * 3)]  # grey, one bit, colour
        mask = save(at / f'{case}_lesion' / f'{case}_lesion.bmp', modes[seed % 3])
        save(at / f'{case}_roi' / f'{case}_R1_Label3.bmp', lesion)
        source.needed += [image, mask]
    return source


def mads(tmp: Path) -> Source:
    from mmseg_ext.converters.mads import convert_mads

    name = 'segmentation_full_body_mads_dataset_1192_img'
    folder = tmp / name
    source = Source(folder, lambda root, **options: convert_mads(folder, root, **options), other={'seed': 1})
    performances = ['HipHop_HipHop1', 'HipHop_HipHop10', 'Jazz_Jazz6', 'Sports_Volleyball', 'Taichi_Taichi_S6']
    for number, performance in enumerate(performances):
        views = ('Left', 'Right') if performance.startswith('Sports') else ('C0', 'C2')
        for view in views:
            for frame in (180, 225):
                stem, seed = f'{performance}_{view}_{frame:05d}', len(source.masks)
                source.images[stem], source.masks[stem] = noise(seed), values(seed, [0, 1])
                white = source.masks[stem] * 255
                mask = np.dstack([white] * 3 + [np.full_like(white, 255)] * (number % 2))  # RGB, or RGBA
                source.needed.append(save(folder / name / 'images' / f'{stem}.png', source.images[stem]))
                source.needed.append(save(folder / name / 'masks' / f'{stem}.png', mask))
    return source


def voc(tmp: Path) -> Source:
    from mmseg_ext.converters.voc import convert_voc

    folder = tmp / 'VOCdevkit'
    at = folder / 'VOC2012'

    def convert(root: Path, **options: Any) -> Any:
        return convert_voc(folder, root, **{'classes': ['dog', 'cat'], **options})

    source = Source(folder, convert, other={'classes': ['cat', 'dog']})
    choices = {'2007_000032': [0, 8, 12, 255], '2007_000039': [0, 8], '2008_000008': [0, 12, 15, 20, 255]}
    become = {8: 2, 12: 1, 255: 255}
    names = {'train': ['2007_000032', '2007_000039', '2009_000001'], 'val': ['2008_000008']}
    for seed, (stem, choice) in enumerate({**choices, '2009_000001': [0, 15, 255]}.items()):
        mask = values(seed, choice)
        source.needed.append(save(at / 'JPEGImages' / f'{stem}.jpg', noise(seed)))
        source.needed.append(save(at / 'SegmentationClass' / f'{stem}.png', mask, palette=True))
        if stem in choices:  # the other shows neither a cat nor a dog
            source.images[stem] = decoded(source.needed[-2])
            source.masks[stem] = np.vectorize(lambda v: become.get(v, 0), otypes=[np.uint8])(mask)
    save(at / 'JPEGImages' / '2010_000001.jpg', noise(9))  # of another task
    for split, stems in names.items():
        path = at / 'ImageSets' / 'Segmentation' / f'{split}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(stems) + '\n')
        source.needed.append(path)
    return source


def oxford_pet(tmp: Path) -> Source:
    from mmseg_ext.converters.oxford_pet import convert_oxford_pet

    folder = tmp / 'oxford-iiit-pet'
    source = Source(folder, lambda root, **options: convert_oxford_pet(folder, root, **options), other={'val': 0.4})
    rows: dict[str, list[str]] = {'trainval': [], 'test': []}
    for breed, (name, species) in enumerate([('Abyssinian', 1), ('american_bulldog', 2), ('Sphynx', 1)], start=1):
        for number in range(1, 8):
            stem, seed = f'{name}_{number}', 10 * breed + number
            trimap = values(seed, [1, 2, 3])
            source.needed.append(save(folder / 'images' / f'{stem}.jpg', noise(seed)))
            source.images[stem] = decoded(source.needed[-1])
            source.needed.append(save(folder / 'annotations' / 'trimaps' / f'{stem}.png', trimap))
            source.masks[stem] = np.array([99, species, 0, 255], np.uint8)[trimap]
            rows['trainval' if number <= 5 else 'test'].append(f'{stem} {breed} {species} {number}')
    save(folder / 'annotations' / 'trimaps' / '._Abyssinian_1.png', trimap)  # as macOS leaves them in the archive
    rows['list'] = ['#Image CLASS-ID SPECIES BREED ID', '#ID: 1:37 Class ids', *rows['trainval'], *rows['test']]
    for split, lines in rows.items():
        path = folder / 'annotations' / f'{split}.txt'
        path.write_text('\n'.join(lines) + '\n')
        source.needed.append(path)
    return source


def coco(tmp: Path) -> Source:
    from mmseg_ext.converters.coco import CropOptions, convert_coco

    folder = tmp / 'coco'
    options: dict[str, Any] = {'classes': ('cat', 'dog'), 'min_area': 30, 'margin': 0.25, 'size': None}

    def convert(root: Path, overwrite: bool = False, **others: Any) -> Any:
        chosen = CropOptions(**{**options, **others})
        return convert_coco(folder / 'instances.json', folder / 'photos', root, chosen, overwrite=overwrite)

    source = Source(folder, convert, other={'size': 16})
    images, annotations = [], []
    for key in range(1, 9):  # one cat of 8×8 at (4, 6) in each
        name = f'{key:012d}.jpg'
        source.alone.append(save(folder / 'photos' / name, noise(key, 24, 32)))
        images.append({'id': key, 'file_name': name, 'height': 24, 'width': 32})
        annotations.append(
            {'id': 100 + key, 'image_id': key, 'category_id': 17, 'iscrowd': 0, 'area': 64.0,
             'bbox': [4, 6, 8, 8], 'segmentation': [[4, 6, 12, 6, 12, 14, 4, 14]]}
        )  # fmt: skip
        stem = f'{key:012d}_{100 + key}'
        source.images[stem] = decoded(source.alone[-1])[4:16, 2:14]
        source.masks[stem] = np.pad(np.ones((8, 8), np.uint8), 2)
    categories = [{'id': 1, 'name': 'person'}, {'id': 17, 'name': 'cat'}, {'id': 18, 'name': 'dog'}]
    content = {'images': images, 'annotations': annotations, 'categories': categories}
    (folder / 'instances.json').write_text(json.dumps(content))
    source.needed.append(folder / 'instances.json')
    return source


BUILDERS = {'ph2': ph2, 'mads': mads, 'voc': voc, 'oxford_pet': oxford_pet, 'coco': coco}


@pytest.fixture
def make_source(tmp_path: Path) -> Callable[[str], Source]:
    """Makes the source of a name in ``tmp_path``."""
    return lambda name: BUILDERS[name](tmp_path)


@pytest.fixture(params=list(BUILDERS))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    """Every source in turn."""
    return BUILDERS[request.param](tmp_path)


@pytest.fixture
def contents() -> Callable[..., dict[str, Any]]:
    """Tells what a folder holds: path → bytes, and with ``times`` when it was written."""

    def tell(root: Path, times: bool = False) -> dict[str, Any]:
        files = [path for path in root.rglob('*') if path.is_file()]
        return {
            str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns if times else 0) for path in files
        }

    return tell


@pytest.fixture
def splits() -> Callable[[Path], dict[str, str]]:
    """Returns the split of each stem of a data set."""
    return lambda root: {path.stem: path.parent.name for path in root.glob('labels/*/*.png')}
