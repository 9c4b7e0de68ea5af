"""What a profile says of small data sets drawn by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data import Classes, write_image, write_mask
from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.eda.profile import choose_labels, profile_data_set
from mmseg_ext.errors import InputError

PALETTE = ((0, 0, 0), (200, 0, 0), (0, 200, 0))
NAMES = ('background', 'left', 'right')


def write(root: Path, masks: list[np.ndarray], labels: str = 'labels', split: str = 'train') -> Path:
    for index, mask in enumerate(masks):
        write_image(root / 'img' / split / f'{index:02d}.png', np.full((*mask.shape, 3), 120, np.uint8))
        write_mask(root / labels / split / f'{index:02d}.png', mask, PALETTE)
    if not (root / 'dataset.yaml').exists():
        Classes(NAMES, PALETTE).write(root)
    return root


def mask_with(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """A mask of 20×40 with boxes (value, top, bottom, left, right)."""
    mask = np.zeros((20, 40), np.uint8)
    for value, top, bottom, left, right in boxes:
        mask[top:bottom, left:right] = value
    return mask


LUNGS = mask_with((1, 4, 16, 4, 16), (2, 4, 16, 24, 36))


def test_sizes_shares_and_objects(tmp_path: Path) -> None:
    empty = mask_with()
    profile = profile_data_set(write(tmp_path, [mask_with((1, 0, 10, 5, 15)), empty, empty, empty]))
    assert (profile.width, profile.height, profile.sizes, profile.aspects) == (40, 20, 1, (4, 0))
    background, left, right = profile.classes
    assert (background.pixel_share, left.pixel_share) == (1 - 100 / 3200, 100 / 3200)
    assert (left.image_share, left.images, left.side) == (0.25, 1, 10.0)
    assert (right.images, right.side) == (0, None)
    assert profile.extent == 0.5  # the box is half as high as the image
    assert profile.spread == 1.0


def test_classes_whose_places_are_mirror_images_are_found(tmp_path: Path) -> None:
    profile = profile_data_set(write(tmp_path / 'lungs', [LUNGS] * 10))
    assert profile.mirrored == (('left', 'right'),)
    assert profile.one_sided == ('left', 'right')
    swapped = mask_with((2, 4, 16, 4, 16), (1, 4, 16, 24, 36))
    profile = profile_data_set(write(tmp_path / 'both', [LUNGS, swapped] * 5))
    assert (profile.mirrored, profile.one_sided) == ((), ())
    assert profile_data_set(write(tmp_path / 'few', [LUNGS] * 9)).mirrored == ()  # may be chance


def test_the_newest_complete_label_set_is_trained_on_and_its_changes_counted(tmp_path: Path) -> None:
    other = mask_with((1, 4, 16, 4, 17))
    write(tmp_path, [LUNGS] * 3)
    write(tmp_path, [LUNGS] * 2, split='val')
    write(tmp_path, [other, LUNGS, other], 'labels_fixed')
    write(tmp_path, [other] * 3, 'labels_old')
    write(tmp_path, [other] * 3, 'partial')
    (tmp_path / 'partial' / 'train' / '00.png').unlink()
    for age, name in enumerate(('labels', 'partial', 'labels_fixed', 'labels_old')):
        for path in (tmp_path / name).rglob('*.png'):
            os.utime(path, (1e9 - age, 1e9 - age))
    profile = profile_data_set(tmp_path)
    assert (profile.labels, profile.changed, profile.val_labels) == ('labels_fixed', 2, 'labels')
    assert profile.test_labels == 'labels', 'without masks of test, as val'
    assert choose_labels(tmp_path, 'labels') == 'labels'
    assert profile_data_set(tmp_path, 'labels').changed is None


def test_the_true_masks_of_a_synthetic_set_are_trained_on_only_by_request(tmp_path: Path) -> None:
    make_demo_data(tmp_path / 'pets', DemoSettings(train=2, val=1, test=0, size=64))
    root = tmp_path / 'pets'
    profile = profile_data_set(root)
    assert (profile.labels, profile.val_labels) == ('labels', 'labels')
    assert choose_labels(root, 'labels_true') == 'labels_true'
    shutil.copytree(root / 'labels', root / 'labels_clean')
    assert choose_labels(root) == 'labels_clean'
    for name in ('labels', 'labels_clean'):
        shutil.rmtree(root / name)
    assert choose_labels(root) == 'labels_true', 'nothing else is left'


@pytest.mark.parametrize('record', [None, '[]', '{"generator": "another", "images": {}}'])
def test_another_sets_folder_of_that_name_is_a_label_set_like_any(tmp_path: Path, record: str | None) -> None:
    write(tmp_path, [LUNGS])
    write(tmp_path, [LUNGS], 'labels_true')
    if record is not None:
        (tmp_path / 'defects.json').write_text(record)
    assert choose_labels(tmp_path) == 'labels_true'


def test_a_set_without_images_of_train_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [LUNGS], split='training')
    for read in (profile_data_set, choose_labels):
        with pytest.raises(InputError, match=r'img/train: holds no image to train on \(there is training\); rename'):
            read(tmp_path)


def test_a_val_split_without_masks_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [LUNGS])
    write_image(tmp_path / 'img' / 'val' / '00.png', np.zeros((20, 40, 3), np.uint8))
    with pytest.raises(
        InputError, match=r'labels/val: no label set has masks of img/val; add them, or remove the folder'
    ):
        profile_data_set(tmp_path)


def test_a_missing_dataset_yaml_is_offered(tmp_path: Path) -> None:
    write(tmp_path, [LUNGS])
    (tmp_path / 'dataset.yaml').unlink()
    with pytest.raises(InputError) as error:
        profile_data_set(tmp_path)
    assert 'the masks hold 0, 1, 2' in error.value.problem
    import yaml

    offered = yaml.safe_load(error.value.remedy.partition('such as ')[2])
    assert Classes.from_mapping(offered, 'the offer').names == ('background', 'class1', 'class2')
