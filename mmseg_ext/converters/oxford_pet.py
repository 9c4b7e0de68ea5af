"""Oxford-IIIT Pet: images of 37 breeds with trimaps, as background, cat and dog.

Parkhi et al., "Cats and dogs", CVPR 2012. The two published archives, unpacked into one folder::

    images/Abyssinian_100.jpg
    annotations/list.txt                       name, breed, species (1 cat, 2 dog), number within the species
    annotations/{trainval,test}.txt            the published splits, in the same columns
    annotations/trimaps/Abyssinian_100.png     1 pet, 2 background, 3 border
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.output import Converted, Sample, write_data_set
from mmseg_ext.converters.source import UNPACK_AGAIN, check_size, find_folder, read_lines, require_files
from mmseg_ext.converters.split import check_shares, smallest_by_hash
from mmseg_ext.data.classes import IGNORE_INDEX, Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError

NUMBER = re.compile(r'[0-9]{1,9}')
PETS = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (220, 60, 60), (60, 100, 230)))
BACKGROUND, UNKNOWN = 0, 254


class Pet(NamedTuple):
    """Row of the list."""

    name: str
    breed: int
    species: int


def convert_oxford_pet(
    source: str | Path, root: str | Path, *, val: float = 0.2, seed: int = 0, overwrite: bool = False
) -> Converted:
    """Convert the unpacked archives. The border of a trimap, where the outline is uncertain, is ignored.

    Args:
        source: Folder with ``images`` and ``annotations``, or its parent.
        root: Data set to write.
        val: Share of the published trainval that becomes val, the same for every breed.
        seed: Seed of the choice.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: A listed file is missing or holds other values than 1, 2 and 3, or an option is out of range.
    """
    check_shares(val)
    folder = find_folder(source, 'annotations', '*/annotations')
    species = {pet.name: pet.species for pet in _read_list(folder / 'list.txt')}
    trainval, test = (_read_list(folder / f'{name}.txt') for name in ('trainval', 'test'))
    for pet in (*trainval, *test):
        if species.get(pet.name) != pet.species:
            problem = f'gives {pet.name} the species {species.get(pet.name)}, its split file {pet.species}'
            raise InputError(folder / 'list.txt', problem, UNPACK_AGAIN)
    split_of = _splits(trainval, test, val, seed)
    files = {name: (folder.parent / 'images' / f'{name}.jpg', folder / 'trimaps' / f'{name}.png') for name in split_of}
    require_files(path for pair in files.values() for path in pair)
    samples = [
        Sample(split_of[name], name, '.jpg', partial(_make, *files[name], species[name])) for name in sorted(split_of)
    ]
    return write_data_set(root, PETS, samples, 'oxford_pet', {'val': val, 'seed': seed}, overwrite)


def _read_list(path: Path) -> list[Pet]:
    pets = []
    for line in read_lines(path):
        name, *numbers = line.split()
        is_pet = len(numbers) == 3 and all(map(NUMBER.fullmatch, numbers)) and numbers[1] in ('1', '2')
        if not is_pet:
            raise InputError(path, f'the line {line!r} is not "name breed species number"', UNPACK_AGAIN)
        pets.append(Pet(name, int(numbers[0]), int(numbers[1])))
    return pets


def _splits(trainval: list[Pet], test: list[Pet], val: float, seed: int) -> dict[str, str]:
    breeds: dict[int, list[str]] = defaultdict(list)
    for pet in trainval:
        breeds[pet.breed].append(pet.name)
    chosen = set[str]().union(*(smallest_by_hash(names, val, seed) for names in breeds.values()))
    split_of = {pet.name: 'val' if pet.name in chosen else 'train' for pet in trainval}
    return split_of | {pet.name: 'test' for pet in test}


def _make(image_path: Path, trimap_path: Path, species: int) -> tuple[Path, Mask]:
    table: NDArray[np.uint8] = np.full(256, UNKNOWN, np.uint8)
    table[[1, 2, 3]] = species, BACKGROUND, IGNORE_INDEX
    mask: Mask = table[read_mask(trimap_path)]
    if (mask == UNKNOWN).any():
        raise InputError(trimap_path, 'holds values other than 1, 2 and 3', UNPACK_AGAIN)
    check_size(image_path, read_image(image_path), mask)
    return image_path, mask
