"""Assignment of images to splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from mmseg_ext.errors import InputError


def check_shares(val: float, test: float = 0) -> None:
    """Check that shares of val and test leave something to train on.

    Raises:
        InputError: They do not.
    """
    for name, share in (('val', val), ('test', test)):
        if not 0 <= share < 1:
            raise InputError(f'`{name}={share}`', 'must be a share from 0 to below 1')
    if val + test >= 1:
        raise InputError(f'`val={val}` and `test={test}`', 'leave no images for train', 'make one of them smaller')


def draw(key: str, seed: int) -> float:
    """Return a number from 0 to below 1 that depends on nothing but a key and a seed.

    >>> round(draw('16206', seed=0), 4)
    0.8262
    """
    digest = hashlib.sha256(f'{seed}:{key}'.encode()).digest()
    return int.from_bytes(digest[:6], 'big') / 2**48


def split_by_hash(key: str, val: float, test: float, seed: int) -> str:
    """Assign a key to a split, independently of all other keys, so that none moves when a source grows.

    Args:
        key: Name of the images that must stay together, such as the id of the image that crops come from.
        val: Share of val.
        test: Share of test; the rest is train.
        seed: Seed of the split.
    """
    number = draw(key, seed)
    return 'val' if number < val else 'test' if number < val + test else 'train'


def deal_groups(group_of: Mapping[str, str], val: float, test: float, seed: int) -> dict[str, str]:
    """Deal whole groups to the splits so that these come near to their shares of the images.

    The largest group is dealt first, each to the split that misses most images. Every split gets a group.

    Args:
        group_of: Stem → group.
        val: Share of val.
        test: Share of test; the rest is train.
        seed: Seed of the order among groups of one size.

    Returns:
        Stem → split.

    Raises:
        InputError: There are fewer groups than splits.
    """
    missing = {'train': (1 - val - test) * len(group_of), 'val': val * len(group_of), 'test': test * len(group_of)}
    missing = {split: count for split, count in missing.items() if count > 0}
    sizes = {group: sum(1 for other in group_of.values() if other == group) for group in sorted(set(group_of.values()))}
    if len(sizes) < len(missing):
        raise InputError(
            f'{len(sizes)} group(s) of images ({", ".join(sizes)})',
            f'cannot fill {len(missing)} splits without a leak',
            'set `val=0` or `test=0`, or tell groups apart with `group`',
        )
    order = list(sizes)
    np.random.default_rng(seed).shuffle(order)
    order.sort(key=lambda group: -sizes[group])
    split_of: dict[str, str] = {}
    for position, group in enumerate(order):
        empty = [split for split in missing if split not in split_of.values()]
        choice = empty if len(empty) >= len(order) - position else list(missing)
        split_of[group] = max(choice, key=lambda split: missing[split])
        missing[split_of[group]] -= sizes[group]
    return {stem: split_of[group] for stem, group in group_of.items()}


def smallest_by_hash(keys: Iterable[str], share: float, seed: int) -> set[str]:
    """Choose a share of the keys: those with the smallest `draw`, at least one if the share is above 0."""
    order = sorted(keys, key=lambda key: (draw(key, seed), key))
    return set(order[: max(round(share * len(order)), 1 if share > 0 else 0)])
