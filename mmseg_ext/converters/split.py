"""Assignment of images to splits."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np

from mmseg_ext.converters.report import some
from mmseg_ext.errors import InputError
from mmseg_ext.reading import read_entries

SPLIT_WORDS = {
    'train': 'train', 'training': 'train', 'val': 'val', 'valid': 'val', 'validation': 'val', 'dev': 'val',
    'test': 'test', 'testing': 'test',
}  # fmt: skip
FOLDER = re.compile(r'([a-z]+)(?:\d{4})?')  # with a year, as in COCO's val2017


def folder_split(name: str) -> str | None:
    """Return the split that a folder is named after, if any.

    >>> [folder_split(name) for name in ('Valid', 'val2017', 'Test drive 0')]
    ['val', 'val', None]
    """
    match = FOLDER.fullmatch(name.casefold())
    return SPLIT_WORDS.get(match[1]) if match else None


def check_shares(val: float, test: float = 0) -> None:
    """Check that the shares of val and test leave something to train on.

    Raises:
        InputError: They do not.
    """
    for name, share in (('val', val), ('test', test)):
        if not 0 <= share < 1:
            raise InputError(f'`{name}={share}`', 'must be at least 0 and below 1')
    if val + test >= 1:
        raise InputError(f'`val={val}` and `test={test}`', 'leave no images for train', 'make one of them smaller')


def draw(key: str, seed: int) -> float:
    """Return a number in [0, 1) that depends only on a key and a seed.

    >>> round(draw('16206', seed=0), 4)
    0.8262
    """
    digest = hashlib.sha256(f'{seed}:{key}'.encode()).digest()
    return int.from_bytes(digest[:6], 'big') / 2**48


def split_by_hash(key: str, val: float, test: float, seed: int) -> str:
    """Assign a key to a split, independently of all other keys, so that no key moves when a source grows.

    Args:
        key: Name of the images that must stay together, such as the id of the image that crops come from.
        val: Share of val.
        test: Share of test; the rest is train.
        seed: Seed of the split.
    """
    number = draw(key, seed)
    return 'val' if number < val else 'test' if number < val + test else 'train'


def empty_splits(splits: Sequence[str], shares: Mapping[str, float], seed: int) -> list[str]:
    """Return a line for each split that should have a share of the images but by chance, in a small set, got none.

    Args:
        splits: The split of each image.
        shares: Split → share of the images; the rest is train.
        seed: Seed of the split.

    >>> empty_splits(['train', 'train', 'test'], {'val': 0.2, 'test': 0.2}, seed=0)
    ['val got no images, though its share is 0.2: try a `seed` other than 0']
    """
    missing = [split for split, share in shares.items() if share > 0 and split not in splits]
    if len(splits) <= sum(share > 0 for share in shares.values()):  # no seed gives every split an image
        return []
    return [
        f'{split} got no images, though its share is {shares[split]:g}: try a `seed` other than {seed}'
        for split in missing
    ]


def deal_groups(
    group_of: Mapping[str, str], val: float, test: float, seed: int, kept: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Deal whole groups to the splits so that these come close to their shares of the images.

    Groups are dealt from the largest on, each to the split that lacks most images. Every split gets a group.

    Args:
        group_of: Stem → group.
        val: Share of val.
        test: Share of test; the rest is train.
        seed: Seed of the order among groups of one size.
        kept: Group → split of groups that already have one.

    Returns:
        Stem → split.

    Raises:
        InputError: There are fewer groups than splits.
    """
    missing = {'train': (1 - val - test) * len(group_of), 'val': val * len(group_of), 'test': test * len(group_of)}
    missing = {split: count for split, count in missing.items() if count > 0}
    sizes = dict(sorted(Counter(group_of.values()).items()))
    if len(sizes) < len(missing):
        raise InputError(
            f'{len(sizes)} group(s) of images ({", ".join(sizes)})',
            f'cannot fill {len(missing)} splits without a leak',
            'set `val=0` or `test=0`, or make smaller groups with `group`',
        )
    order = list(sizes)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda group: -sizes[group])
    split_of = {group: split for group, split in (kept or {}).items() if group in sizes}
    for group, split in split_of.items():
        missing[split] = missing.get(split, 0) - sizes[group]
    order = [group for group in order if group not in split_of]
    filled = set(split_of.values())
    for position, group in enumerate(order):
        empty = [split for split in missing if split not in filled]
        choice = empty if len(empty) >= len(order) - position else list(missing)
        split_of[group] = max(choice, key=lambda split: missing[split])
        filled.add(split_of[group])
        missing[split_of[group]] -= sizes[group]
    return {stem: split_of[group] for stem, group in group_of.items()}


@dataclass(frozen=True)
class SplitOptions:
    """How images without a given split are assigned to one.

    Attributes:
        val: Share of val.
        test: Share of test; the rest is train.
        seed: Seed of the order in which groups are dealt.
        group: Regular expression that matches a whole stem; stems with the same first group stay in one split. None
            makes each image a separate group.
        lists: Split → text file that names its images, one per line; the lists replace the shares.
    """

    val: float = 0.2
    test: float = 0.2
    seed: int = 0
    group: str | None = None
    lists: Mapping[str, str | Path] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """Return all options as JSON values; for a list, its content, not its name."""
        lists = {split: hashlib.sha256(Path(path).read_bytes()).hexdigest() for split, path in self.lists.items()}
        shares = {} if lists else {'val': self.val, 'test': self.test, 'seed': self.seed, 'group': self.group}
        return {**shares, **({'lists': lists} if lists else {})}


def is_given(split_of: Iterable[tuple[object, str | None]], remedy: str) -> bool:
    """Return whether a source assigns its images to splits.

    Args:
        split_of: Each image and its split, or None.
        remedy: What to do about images without a split among others that have one.

    Raises:
        InputError: Some have a split, and others have none.

    >>> is_given([('a.png', 'train'), ('b.png', 'val')], '')
    True
    """
    splits = list(split_of)
    without = [image for image, split in splits if not split]
    if without and len(without) < len(splits):
        problem = f'has no split (like {len(without)} of {len(splits)} images), although the other images have one'
        raise InputError(without[0], problem, remedy)
    return not without


def assign_splits(
    stems: Sequence[str], options: SplitOptions, earlier: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Assign images to splits: stem → split. Images that no list names are left out.

    Args:
        stems: The images.
        options: How they are assigned.
        earlier: Stem (NFC) → split of the images that an earlier run assigned. They keep their split: only images added
            since are dealt.

    Raises:
        InputError: An option cannot be used, or a list names a missing image or names one twice.
    """
    if options.lists:
        return _split_by_lists(stems, options.lists)
    check_shares(options.val, options.test)
    groups = {stem: group_of(stem, options.group) for stem in stems}
    split_of = deal_groups(groups, options.val, options.test, options.seed)
    known = {stem: earlier[normalize('NFC', stem)] for stem in groups if earlier and normalize('NFC', stem) in earlier}
    if all(split_of[stem] == split for stem, split in known.items()):  # as after a run that was interrupted
        return split_of
    kept = {groups[stem]: split for stem, split in known.items()}
    return deal_groups(groups, options.val, options.test, options.seed, kept)


def group_of(stem: str, pattern: str | None) -> str:
    r"""Return the first group of a regular expression that matches a whole stem; without a pattern, the stem itself.

    Raises:
        InputError: It does not match, which might be a leak, or is not a regular expression with a group.

    >>> group_of('patient7_slice3', r'(patient\d+)_.*')
    'patient7'
    """
    if pattern is None:
        return stem
    try:
        match = re.fullmatch(pattern, stem)
        if match:
            return match[1]
    except (re.error, IndexError) as error:
        raise InputError(f'`group={pattern}`', f'is not a regular expression with a group ({error})') from error
    raise InputError(stem, f'is not named as `group` expects ({pattern})', 'give a pattern that matches the names')


def _split_by_lists(stems: Sequence[str], lists: Mapping[str, str | Path]) -> dict[str, str]:
    known = {normalize('NFC', stem): stem for stem in stems}
    named: dict[str, list[str]] = {}
    for stem in known:
        named.setdefault(stem.rpartition('/')[2], []).append(stem)
    split_of: dict[str, str] = {}
    for split, path in lists.items():
        for line in read_entries(path, known).values():
            found = _find_listed(normalize('NFC', line).replace('\\', '/'), known, named)
            if not found:
                raise InputError(path, f'the line {line!r} is not an image of the source', 'correct the list')
            if len(found) > 1:
                raise InputError(path, f'the line {line!r} matches {some(found)}', 'add the folder of the image')
            stem = known[found[0]]
            if split_of.setdefault(stem, split) != split:
                raise InputError(path, f'{line!r} is also in {split_of[stem]}', 'keep it in one split')
    return split_of


def _find_listed(line: str, known: Collection[str], named: Mapping[str, list[str]]) -> list[str]:
    """Find what a line of a list may mean: a stem or a file name or, as some tools write it, an image and its mask.

    The folders of an image are part of its stem, or joined with it by ``_``; folders above them do not count. A name
    without folders must belong to only one image.
    """
    names = [line, line.rpartition('.')[0], line.split()[0].rpartition('.')[0]]
    for parts in (name.split('/') for name in names):
        for tail in (parts[start:] for start in range(len(parts))):
            whole = [name for name in ('/'.join(tail), '_'.join(tail)) if name in known]
            if whole and (len(tail) > 1 or len(parts) == 1):
                return whole[:1]
    return next((found for name in names if (found := named.get(name.rpartition('/')[2]))), [])


def smallest_by_hash(keys: Iterable[str], share: float, seed: int) -> set[str]:
    """Choose a share of the keys: those with the smallest `draw`, at least one if the share is above 0."""
    order = sorted(keys, key=lambda key: (draw(key, seed), key))
    return set(order[: max(round(share * len(order)), 1 if share > 0 else 0)])
