from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.layout import read_classes
from mmseg_ext.data.items import find_splits, list_items, list_masks, read_class_mask
from mmseg_ext.errors import InputError

ONE = np.zeros((2, 2), np.uint8)


def test_splits_come_in_the_usual_order_whether_they_have_masks_or_images(write_set: Callable[..., Path]) -> None:
    root = write_set({'zoo': {'a': ONE}, 'train': {'a': ONE}, 'attic': {'a': ONE}}, {'test': {'b': ONE}})
    assert find_splits(root, 'labels') == ('train', 'test', 'attic', 'zoo')


def test_items_pair_images_and_masks_by_stem(write_set: Callable[..., Path]) -> None:
    root = write_set({'train': {'b': ONE, 'c': ONE}}, {'train': {'a': ONE, 'b': ONE}})
    items = list_items(root, 'labels', ['train'])
    assert [(item.stem, item.image is not None, item.mask is not None) for item in items] == [
        ('a', True, False),
        ('b', True, True),
        ('c', False, True),
    ]


def test_missing_folders_are_named(write_set: Callable[..., Path]) -> None:
    root = write_set({'train': {'a': ONE}})
    with pytest.raises(InputError, match='data/labels_fixed: folder not found'):
        find_splits(root, 'labels_fixed')
    with pytest.raises(InputError, match='no files in img/val nor labels/val'):
        list_items(root, 'labels', ['val'])
    with pytest.raises(InputError, match='labels/val: no masks'):
        list_masks(root, 'labels', 'val')


def test_ignored_pixels_are_not_counted_and_unknown_ids_are_refused(write_set: Callable[..., Path]) -> None:
    root = write_set({'train': {'a': np.array([[0, 1, 1], [2, 255, 255]]), 'b': np.array([[0, 7, 9]])}})
    classes = read_classes(root)
    good, bad = list_masks(root, 'labels', 'train')
    assert read_class_mask(good, classes)[1].tolist() == [1, 2, 1]
    with pytest.raises(InputError, match=r'b\.png: holds class id 7, 9, known are 0 to 2'):
        read_class_mask(bad, classes)
