from __future__ import annotations

import csv
import io
import statistics as python_statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.eda.statistics import Statistics, Table, collect_statistics, make_tables, measure_drift
from mmseg_ext.eda.statistics.measure import GRID_SIDE
from mmseg_ext.errors import InputError

WriteSet = Callable[..., Path]


def rows(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.csv())))


def blocks(*places: tuple[int, int, int]) -> np.ndarray:
    """A mask of 20×20 with 2×2 blocks (1 % each) of a class at (class, row, column)."""
    mask = np.zeros((20, 20), np.uint8)
    for index, row, column in places:
        mask[row : row + 2, column : column + 2] = index
    return mask


@pytest.fixture
def measured(write_set: WriteSet) -> Statistics:
    masks = {
        'train': {
            'a': blocks((1, 0, 0), (1, 10, 10)),
            'b': blocks((1, 4, 4), (2, 10, 10)),
            'c': blocks(),
            'd': blocks((2, 10, 10), (2, 10, 12)),
        },
        'val': {'e': blocks((1, 8, 8)), 'f': np.full((20, 20), 255)},
    }
    masks['train']['c'][:10] = 255
    images = {split: {stem: np.full((20, 20), 100) for stem in files} for split, files in masks.items()}
    images['train']['b'][4:6, 4:6] = 40
    images['test'] = {'g': np.full((10, 30), 10), 'h': np.full((40, 40), 30)}
    return collect_statistics(write_set(masks, images))


def test_balance_by_hand(measured: Statistics) -> None:
    table = {(row['split'], row['class']): row for row in rows(make_tables(measured)['balance'])}
    assert list(table) == [(split, name) for split in ('train', 'val') for name in ('background', 'cat', 'dog')]
    cat = table['train', 'cat']
    assert (cat['images'], cat['images %'], cat['objects'], cat['most in one']) == ('2', '50.0', '3', '2')
    assert (cat['objects per image'], cat['pixels']) == ('1.5', '12')
    assert float(cat['pixels %']) == pytest.approx(100 * 12 / 1400, abs=1e-4)  # 200 of 1600 pixels are ignored
    dog = table['train', 'dog']
    assert (dog['images'], dog['objects'], dog['pixels'], dog['pixels % vs train']) == ('2', '2', '12', '')
    background = table['train', 'background']
    assert (background['images'], background['objects'], background['pixels']) == ('4', '', '1376')
    unseen = table['val', 'dog']
    assert (unseen['images'], unseen['objects'], unseen['objects per image'], unseen['pixels']) == ('0', '0', '', '0')
    # Shares of the images: val 1 % (the other image is all ignored), train 2, 1, 0 and 0 %.
    assert float(table['val', 'cat']['pixels % vs train']) == pytest.approx(1 - 0.75)


def test_images_and_their_sizes(measured: Statistics) -> None:
    table = {row['split']: row for row in rows(make_tables(measured)['images'])}
    assert list(table) == ['train', 'val', 'test']
    assert [table['test'][name] for name in ('images', 'masks', 'size')] == ['2', '0', '30×10 to 40×40']
    assert (table['test']['median'], table['test']['median vs train']) == ('20.0', '-80.0')


def test_a_mask_without_its_image_is_no_image(write_set: WriteSet) -> None:
    masks = {'train': {'a': blocks((1, 0, 0)), 'b': blocks((1, 4, 4))}}
    root = write_set(masks, {'train': {'a': np.full((20, 20), 100)}})
    (row,) = rows(make_tables(collect_statistics(root))['images'])
    assert (row['images'], row['masks'], row['size']) == ('1', '2', '20×20')


def test_light_and_position_by_hand(measured: Statistics) -> None:
    tables = make_tables(measured)
    light = {(row['split'], row['class']): row for row in rows(tables['light'])}
    assert light['train', 'cat']['darker %'] == '33.333'
    assert light['train', 'cat']['low contrast %'] == '66.667'
    assert (light['train', 'cat']['brightness'], light['train', 'cat']['contrast']) == ('100.0', '0.0')
    assert light['val', 'dog']['contrast'] == ''
    position = {(row['split'], row['class']): row for row in rows(tables['position'])}
    assert (position['train', 'cat']['x'], position['train', 'cat']['y']) == ('0.25', '0.25')
    assert position['train', 'cat']['at border %'] == '33.333'
    assert position['train', 'cat']['x spread'] == '0.2055'  # of 0.05, 0.25, 0.55


def test_areas_agree_with_pythons_own_quantiles(write_set: WriteSet) -> None:
    rng = np.random.default_rng(0)
    masks, areas = {}, []
    for number in range(30):
        width, height = rng.integers(1, 40, 2)
        mask = np.zeros((50, 50), np.uint8)
        mask[3 : 3 + height, 5 : 5 + width] = 1
        masks[f'{number}'] = mask
        areas.append(100 * int(width) * int(height) / 2500)
    row = rows(make_tables(collect_statistics(write_set({'train': masks})))['area'])[0]
    low, middle, high = python_statistics.quantiles(areas, n=4, method='inclusive')
    expected = [python_statistics.mean(areas), middle, low, high, min(areas), max(areas)]
    assert [float(row[name]) for name in ('mean', 'median', 'q1', 'q3', 'min', 'max')] == pytest.approx(
        expected, abs=1e-4
    )
    assert row['objects'] == '30'


def test_position_maps_are_means_over_the_images_with_the_class(write_set: WriteSet) -> None:
    left, right = np.zeros((GRID_SIDE, GRID_SIDE), np.uint8), np.zeros((GRID_SIDE, GRID_SIDE), np.uint8)
    left[:, : GRID_SIDE // 2], right[:, GRID_SIDE // 2 :] = 1, 1
    found = collect_statistics(write_set({'train': {'a': left, 'b': left, 'c': right, 'd': 0 * left}})).positions
    assert list(found) == [('train', 1)]
    np.testing.assert_allclose(found['train', 1], np.where(left == 1, 2 / 3, 1 / 3), atol=1e-6)


def test_drift_names_what_differs(write_set: WriteSet) -> None:
    def split(side: int) -> dict[str, np.ndarray]:
        masks = {}
        for number in range(12):
            masks[f'{side}_{number}'] = mask = np.zeros((40, 40), np.uint8)
            mask[number : number + side + number % 3, 5 : 5 + side] = 1
        return masks

    statistics = collect_statistics(write_set({'train': split(4), 'val': split(4), 'other': split(9)}))
    drifts = {(drift.split, drift.quantity): drift for drift in measure_drift(statistics) if drift.class_index == 1}
    assert drifts['other', 'area %'].significant
    assert drifts['other', 'area %'].distance == 1
    assert drifts['other', 'area %'].difference == pytest.approx(100 * (9 * 10 - 4 * 5) / 1600)
    assert not drifts['other', 'images %'].significant
    assert all(drift.distance == 0 and drift.p == 1 for key, drift in drifts.items() if key[0] == 'val')
    assert ('other', 'brightness') not in drifts  # there are no images
    table = rows(make_tables(statistics)['drift'])
    assert {(row['split'], row['quantity']) for row in table if row['drift'] == 'yes'} == {
        key for key, drift in drifts.items() if drift.significant
    }
    reverse = {(drift.split, drift.quantity): drift for drift in measure_drift(statistics, 'other')}
    assert reverse['val', 'area %'].difference == -drifts['other', 'area %'].difference
    with pytest.raises(InputError, match='`reference=nowhere`'):
        measure_drift(statistics, 'nowhere')


def test_a_set_without_train_is_compared_with_its_first_split(write_set: WriteSet) -> None:
    statistics = collect_statistics(write_set({'a': {'x': blocks((1, 0, 0))}, 'b': {'y': blocks((1, 0, 0))}}))
    assert {drift.split for drift in measure_drift(statistics)} == {'b'}


def test_unusable_data_are_refused_by_name(write_set: WriteSet) -> None:
    root = write_set({'train': {'a': blocks()}}, {'train': {'a': np.zeros((20, 30))}, 'test': {'b': np.zeros((9, 9))}})
    with pytest.raises(InputError, match=r'a\.png: mask is 20×20 pixels, its image 30×20'):
        collect_statistics(root)
    with pytest.raises(InputError, match='no masks in test'):
        collect_statistics(root, splits=['test'])
    with pytest.raises(InputError, match='`background=bird`: must be none or one of the classes'):
        collect_statistics(root, background='bird')


def test_the_background_can_be_chosen(write_set: WriteSet) -> None:
    root = write_set({'train': {'a': blocks((1, 0, 0), (2, 4, 4))}})
    assert collect_statistics(root, background='dog').object_classes == [0, 1]
    assert collect_statistics(root, background=None).object_classes == [0, 1, 2]


def test_the_references_two_tables_come_out_to_the_last_digit(shared_data: Path) -> None:
    """What a report on the same train masks states, digit by digit."""
    tables = make_tables(collect_statistics(shared_data / 'pets', 'labels', ['train']))
    balance = {row['class']: row for row in rows(tables['balance'])}
    assert [f'{float(row["pixels %"]):.1f}' for row in balance.values()] == ['90.8', '5.0', '4.2']
    shown = {row[1]: row for row in tables['balance'].texts()}
    assert (shown['cat'][2:5], shown['dog'][2:5]) == (['98', '49.5', '120'], ['100', '50.5', '107'])
    area = {row[1]: row[2:9] for row in tables['area'].texts()}
    assert area == {
        'cat': ['120', '8.27', '7.39', '1.76', '12.22', '0.01', '26.13'],
        'dog': ['107', '7.77', '6.12', '3.25', '11.46', '0.02', '25.92'],
    }
