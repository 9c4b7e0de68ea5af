from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from grey_png import write_grey_png
from PIL import Image

from mmseg_ext.commands.main import main
from mmseg_ext.converters import output
from mmseg_ext.converters.codes import read_table
from mmseg_ext.converters.folder import convert_colour, convert_folder, translate_table
from mmseg_ext.converters.pairs import find_pairs
from mmseg_ext.converters.report import Report
from mmseg_ext.converters.split import SplitOptions
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

TABLE = 'name,r,g,b\nsky,10,20,30\nroad,200,0,0\nroad,210,0,0\nvoid,0,0,0\n'
COLOURS = np.array([[10, 20, 30], [200, 0, 0], [210, 0, 0], [0, 0, 0]], np.uint8)
MEANING = np.array([0, 1, 1, 255], np.uint8)


ALL = SplitOptions(0, 0)  # train


def save(path: Path, array: Any, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path, **options)
    return path


def photo(path: Path, seed: int = 0) -> Path:
    return save(path, np.random.default_rng(seed).integers(0, 256, (8, 12, 3), dtype=np.uint8))


def codes(seed: int, count: int) -> Any:
    return np.random.default_rng(seed).integers(0, count, (8, 12))


@pytest.mark.parametrize('name', ['table.csv', 'excel.csv', 'labelmap.txt', 'dataset.yaml'])
def test_a_table_of_colours(name: str, tmp_path: Path) -> None:
    text = {
        'table.csv': 'Name,R,G,B\nsky,10,20,30\nroad,200,0,0\n',
        'excel.csv': '\ufeffName;R;G;B\nsky;10;20;30\nroad;200;0;0\n',
        'labelmap.txt': '# label:color_rgb:parts:actions\nsky:10,20,30::\nroad:200,0,0::a,b\n',
        'dataset.yaml': 'classes: [sky, road]\npalette: [[10, 20, 30], [200, 0, 0]]\n',
    }[name]
    (tmp_path / name).write_text(text)
    assert read_table(tmp_path / name) == [('sky', (10, 20, 30)), ('road', (200, 0, 0))]


@pytest.mark.parametrize(
    ('name', 'text', 'problem'),
    [
        ('a.csv', 'sky,#0a141e\nroad,#0a141e', r'sky and road have the same colour \(10, 20, 30\)'),
        ('a.csv', 'sky,1,2,3\nroad,1,2', 'road,1,2'),
        ('labelmap.txt', 'sky:1,2,300::', 'line 1 is not'),
        ('labelmap.txt', '# nothing', 'lists no classes'),
    ],
)
def test_a_wrong_table_is_refused(name: str, text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem):
        read_table(tmp_path / name)


def test_colours_become_classes_whatever_the_mode_of_the_file(tmp_path: Path) -> None:
    (tmp_path / 'table.csv').write_text(TABLE)
    for seed, (folder, mode) in enumerate({'train': 'RGB', 'train/b': 'P', 'val': 'RGBA'}.items()):
        photo(tmp_path / 'images' / folder / f'x{seed}.jpg', seed)
        mask = Image.fromarray(COLOURS[codes(seed, 4)])
        mask = mask.quantize(8) if mode == 'P' else mask.convert(mode)
        (tmp_path / 'masks' / folder).mkdir(parents=True)
        mask.save(tmp_path / 'masks' / folder / f'x{seed}.png')
    done = convert_colour(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', colours=tmp_path / 'table.csv')
    assert done.images == {'train': 2, 'val': 1}
    assert Classes.read(tmp_path / 'data').names == ('sky', 'road')
    assert Classes.read(tmp_path / 'data').background is None
    assert 'background: null' in done.report.notes[0]
    for seed, place in enumerate(['train/x0', 'train/b_x1', 'val/x2']):
        np.testing.assert_array_equal(read_mask(tmp_path / f'data/labels/{place}.png'), MEANING[codes(seed, 4)])
    assert done.report.counts['ignored']['pixels'] == sum(int((codes(seed, 4) == 3).sum()) for seed in range(3))
    assert done.report.is_clean
    # In a dataset.yaml, void is a class: it says itself which pixels are ignored.
    (tmp_path / 'dataset.yaml').write_text(
        'classes: [sky, road, pink, void]\npalette: [[10, 20, 30], [200, 0, 0], [210, 0, 0], [0, 0, 0]]\n'
    )
    convert_colour(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'yaml', colours=tmp_path / 'dataset.yaml')
    np.testing.assert_array_equal(read_mask(tmp_path / 'yaml/labels/train/x0.png'), codes(0, 4))


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
def test_grey_masks_of_few_bits_have_colours_and_numbers(bits: int, tmp_path: Path) -> None:
    (tmp_path / 'table.csv').write_text('background,0,0,0\nlesion,255,255,255\n')
    photo(tmp_path / 'images/a.png')
    write_grey_png(tmp_path / 'masks/a.png', codes(0, 2) * (2**bits - 1), bits)
    folders = tmp_path / 'images', tmp_path / 'masks'
    convert_colour(*folders, tmp_path / 'colour', colours=tmp_path / 'table.csv', split=ALL)
    np.testing.assert_array_equal(read_mask(tmp_path / 'colour/labels/train/a.png'), codes(0, 2))
    values = {0: 'background', 2**bits - 1: 'lesion'}
    convert_folder(*folders, tmp_path / 'folder', values=values, split=ALL)
    np.testing.assert_array_equal(read_mask(tmp_path / 'folder/labels/train/a.png'), codes(0, 2))


def test_unknown_colours_are_counted_or_taken_by_choice(tmp_path: Path) -> None:
    (tmp_path / 'table.csv').write_text(TABLE)
    good, bad = COLOURS[codes(0, 4)], COLOURS[codes(1, 2)]
    bad[0, :3], bad[1, 0] = (12, 21, 29), (90, 90, 90)
    photo(tmp_path / 'images/a.png'), photo(tmp_path / 'images/b.png'), photo(tmp_path / 'images/c.png')
    save(tmp_path / 'masks/a.png', good), save(tmp_path / 'masks/b.png', bad)
    lossy = np.kron(COLOURS[[[0, 1]]], np.ones((8, 6, 1), np.uint8))
    save(tmp_path / 'masks/c.jpg', lossy, quality=70)
    table: dict[str, Any] = {'colours': tmp_path / 'table.csv', 'split': ALL}
    done = convert_colour(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', **table)
    assert sum(done.images.values()) == 1
    b, c = (str(error) for error in done.report.failed)
    assert 'b.png: 4 px have 2 colours of no class ((12, 21, 29) 3 px, (90, 90, 90) 1 px)' in b
    assert 'c.jpg' in c
    assert 'is in a lossy format' in c
    done = convert_colour(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'near', **table, nearest=True)
    masks = {path.stem: read_mask(path) for path in (tmp_path / 'near').glob('labels/*/*.png')}
    expected = MEANING[codes(1, 2)]
    expected[0, :3], expected[1, 0] = 0, 0  # (90, 90, 90) is nearest to sky
    np.testing.assert_array_equal(masks['b'], expected)
    np.testing.assert_array_equal(masks['c'][:, [0, 4, 7, 11]], [[0, 0, 1, 1]] * 8)  # away from the edge
    (tmp_path / 'masks/c.jpg').unlink()
    done = convert_colour(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'rest', **table, unknown='ignored')
    assert [str(error) for error in done.report.failed] == [f'{tmp_path}/images/c.png: has no mask named c; add it']
    masks = {path.stem: read_mask(path) for path in (tmp_path / 'rest').glob('labels/*/*.png')}
    assert (masks['b'] == 255).sum() == 4


@pytest.mark.parametrize(
    ('codes_of', 'row', 'expected'),
    [
        ((0, 65535), [0, 65535, 40000, 20000], [0, 1, 1, 0]),
        ((0, 1000, 2000), [200, 255, 1030, 1800], [0, 255, 1, 2]),  # nothing is nearest to 255, which has no name
        ((0, 1000, 255), [200, 255, 1030, 800], [2, 2, 1, 1]),
    ],
)
def test_the_nearest_number(codes_of: tuple[int, ...], row: list[int], expected: list[int], tmp_path: Path) -> None:
    save(tmp_path / 'images/a.png', np.zeros((1, 4, 3), np.uint8))
    save(tmp_path / 'masks/a.png', np.array([row], np.uint16))
    values = dict(zip(codes_of, ('background', 'cat', 'dog'), strict=False))
    convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=values, nearest=True, split=ALL)
    assert read_mask(tmp_path / 'data/labels/train/a.png').tolist() == [expected]


@pytest.mark.parametrize('nearest', [False, True])
def test_the_palette_index_255_is_ignored(nearest: bool, tmp_path: Path) -> None:
    (tmp_path / 'table.csv').write_text('background,0,0,0\nroad,230,230,200\n')
    for stem, index in (('a', 255), ('b', 7)):
        save(tmp_path / f'images/{stem}.png', np.zeros((1, 3, 3), np.uint8))
        mask = Image.fromarray(np.array([[0, 1, index]], np.uint8))
        mask.putpalette([0, 0, 0, 230, 230, 200, *([9] * 253 * 3 if index == 255 else []), 224, 224, 192])
        (tmp_path / 'masks').mkdir(exist_ok=True)
        mask.save(tmp_path / f'masks/{stem}.png', bits=8)
    folders = [tmp_path / name for name in ('images', 'masks', 'data')]
    done = convert_colour(*folders, colours=tmp_path / 'table.csv', nearest=nearest, split=ALL)
    assert read_mask(tmp_path / 'data/labels/train/a.png').tolist() == [[0, 1, 255]]
    (error,) = done.report.failed
    assert 'b.png: ' in str(error)
    words = 'holds an index outside its palette' if nearest else '1 colour of no class (an index outside the palette'
    assert words in error.problem


def test_a_transparent_mask_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'table.csv').write_text('a,255,255,255\nb,0,0,0')
    photo(tmp_path / 'images/a.png')
    save(tmp_path / 'masks/a.png', np.zeros((8, 12, 4), np.uint8))
    with pytest.raises(InputError, match='partly transparent'):
        convert_colour(
            tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', colours=tmp_path / 'table.csv', split=ALL
        )


def test_suffixes_in_one_flat_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(5):
        photo(tmp_path / 'tiles' / f't{seed}_img.tif', seed)
        save(tmp_path / 'tiles' / f't{seed}_gt.png', (codes(seed, 2) * 255).astype(np.uint8))
    tiles, data = str(tmp_path / 'tiles'), tmp_path / 'data'
    command = ['convert', 'folder', tiles, tiles, str(data), '--values', '0=background,255=scratch']
    assert main([*command, '--image-suffix', '_img.tif', '--mask-suffix', '_gt.png']) == 0
    assert '5 images (train 3, val 1, test 1)' in capsys.readouterr().out
    for path in data.glob('labels/*/*.png'):
        np.testing.assert_array_equal(read_mask(path), codes(int(path.stem[1:]), 2))
        assert (data / 'img' / path.parent.name / f'{path.stem}.tif').is_file()
    with pytest.raises(InputError, match=r"images such as 't0_img', masks such as 't0_gt'.*`image_suffix`"):
        convert_folder(tiles, tiles, tmp_path / 'x', values={0: 'a'}, image_suffix='.tif', mask_suffix='.png')


def test_masks_of_0_and_255_are_not_taken_for_indices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo(tmp_path / 'images/a.png')
    save(tmp_path / 'masks/a.png', (codes(0, 2) * 255).astype(np.uint8))
    folders = [str(tmp_path / name) for name in ('images', 'masks', 'data')]
    command = ['convert', 'folder', *folders, '--val', '0', '--test', '0']
    assert main([*command, '--classes', 'background,cat']) == 1
    assert 'no mask shows cat, but some hold 255' in capsys.readouterr().out
    assert main([*command, '--values', '0=background,255=cat', '--overwrite']) == 0
    with pytest.raises(InputError, match='--classes cat,cat: lists a class twice; to join values, use --values'):
        main([*command, '--classes', 'cat,cat', '--overwrite'])
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/a.png'), codes(0, 2))


def test_folders_within_folders_and_every_kind_of_number(tmp_path: Path) -> None:
    kinds: dict[str, Any] = {
        'train/images/a': codes(0, 3).astype(np.uint16), 'train/images/b': codes(1, 3).astype(np.uint8),
        'valid/images/a': np.repeat(codes(2, 3)[..., None], 3, axis=2).astype(np.uint8),
    }  # fmt: skip
    kinds['train/images/b'][0, 0] = 255
    for name, mask in kinds.items():
        photo(tmp_path / f'{name}.jpg')
        save(tmp_path / f'{name.replace("images", "masks")}.png', mask)
    values = dict(enumerate(['background', 'cat', 'dog']))
    done = convert_folder(tmp_path, tmp_path, tmp_path.parent / f'{tmp_path.name}-data', values=values)
    assert done.images == {'train': 2, 'val': 1}
    root = tmp_path.parent / f'{tmp_path.name}-data' / 'labels'
    for name, mask in {'train/a': codes(0, 3), 'train/b': kinds['train/images/b'], 'val/a': codes(2, 3)}.items():
        np.testing.assert_array_equal(read_mask(root / f'{name}.png'), mask)


def test_turned_photographs_are_stored_upright(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    upright = np.rot90(codes(0, 2), -1)
    for stem, mask in {'stored': codes(0, 2), 'shown': upright}.items():
        save(tmp_path / f'images/{stem}.png', pixels, exif=exif)
        save(tmp_path / f'masks/{stem}.png', mask.astype(np.uint8))
    values = {0: 'background', 1: 'cat'}
    convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=values, split=ALL)
    for stem in ('stored', 'shown'):
        image = Image.open(tmp_path / f'data/img/train/{stem}.png')
        assert image.getexif().get(0x0112, 1) == 1
        np.testing.assert_array_equal(np.asarray(image), np.rot90(pixels, -1))
        np.testing.assert_array_equal(read_mask(tmp_path / f'data/labels/train/{stem}.png'), upright)


def test_a_class_whose_name_is_no_line_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / 'images/a.png'), save(tmp_path / 'masks/a.png', codes(0, 2).astype(np.uint8))
    values = {0: 'background', 1: 'a\nb'}
    with pytest.raises(InputError, match=r"the class name 'a\\nb' is not a single line; rename the class"):
        convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=values, split=ALL)


def test_numbers_that_no_class_has_are_counted(tmp_path: Path) -> None:
    photo(tmp_path / 'images/a.png'), photo(tmp_path / 'images/b.png'), photo(tmp_path / 'images/c.png')
    save(tmp_path / 'masks/a.png', codes(0, 2).astype(np.uint8))
    save(tmp_path / 'masks/b.png', np.full((8, 12), 3, np.uint8))
    save(tmp_path / 'masks/c.png', COLOURS[codes(0, 3)])
    photo(tmp_path / 'images/d.png'), save(tmp_path / 'masks/d.tif', np.full((8, 12), -9999, np.int32))
    values = {0: 'background', 1: 'cat'}
    done = convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=values, split=ALL)
    assert 'b.png: 96 px have 1 value of no class (3 96 px)' in str(done.report.failed[0])
    assert 'c.png: holds colours (mode RGB)' in str(done.report.failed[1])
    assert 'd.tif: holds the value -9999' in str(done.report.failed[2])


def test_names_in_both_forms_of_unicode_and_lists_as_windows_writes_them(tmp_path: Path) -> None:
    for number, stem in enumerate(('\u00e9t\u00e9', 'na\u00efve')):
        photo(tmp_path / f'images/{stem}.jpg', number)
        save(tmp_path / 'masks' / f'{normalize("NFD", stem)}.png', codes(number, 2).astype(np.uint8))
    (tmp_path / 'val.txt').write_bytes('\u00e9t\u00e9.jpg\r\n'.encode('utf-16'))
    (tmp_path / 'train.txt').write_bytes('\ufeffnai\u0308ve\r\n'.encode())
    lists = {split: tmp_path / f'{split}.txt' for split in ('train', 'val')}
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    done = convert_folder(*arguments, values={0: 'background', 1: 'cat'}, split=SplitOptions(lists=lists))
    assert done.images == {'train': 1, 'val': 1}
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/val/\u00e9t\u00e9.png'), codes(0, 2))
    (tmp_path / 'val.txt').write_bytes('\u00e9t\u00e9'.encode('latin-1'))
    with pytest.raises(InputError, match=r'val\.txt: is not UTF-8 text .*; save it as UTF-8'):
        convert_folder(*arguments, values={0: 'background', 1: 'cat'}, split=SplitOptions(lists=lists))


@pytest.mark.parametrize(('length', 'failed'), [(240, 0), (241, 1), (251, 1)])
def test_a_name_that_is_too_long_costs_only_itself(length: int, failed: int, tmp_path: Path) -> None:
    for stem in ('a', 'b' * length):
        photo(tmp_path / f'images/{stem}.png')
        save(tmp_path / 'masks' / f'{stem}.png', codes(0, 2).astype(np.uint8))
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    done = convert_folder(*arguments, values={0: 'background', 1: 'cat'}, split=ALL)
    assert [error.problem for error in done.report.failed] == ['is too long for a file name'] * failed
    assert done.written == 2 - failed


def test_masks_in_the_alpha_channel_and_of_several_pages(tmp_path: Path) -> None:
    for stem in 'ab':
        photo(tmp_path / f'images/{stem}.jpg')
    white = np.full((8, 12, 3), 255, np.uint8)
    save(tmp_path / 'masks/a.png', np.dstack([white, codes(0, 2).astype(np.uint8) * 255]))
    pages = [Image.fromarray(codes(seed, 2).astype(np.uint8) * 255) for seed in (1, 2)]
    pages[0].save(tmp_path / 'masks/b.tif', save_all=True, append_images=pages[1:])
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    values = {0: 'background', 255: 'cat'}
    with pytest.raises(InputError, match=r'partly transparent \(none of the 2 images .*use --alpha of mmseg-ext remap'):
        convert_folder(*arguments, values=values, split=ALL)
    done = convert_folder(
        tmp_path / 'images', tmp_path / 'masks', tmp_path / 'new', values=values, alpha=True, split=ALL
    )
    np.testing.assert_array_equal(read_mask(tmp_path / 'new/labels/train/a.png'), codes(0, 2))
    assert 'b.tif: is animated or has several pages' in str(done.report.failed[0])


@pytest.mark.parametrize(
    ('images', 'masks', 'words'),
    [
        ('imgs/{}.jpg', 'annos/{}_mask.png', 'try `mask_suffix` _mask.png'),
        ('{}_img.tif', '{}_gt.png', 'try `image_suffix` _img.tif and `mask_suffix` _gt.png'),
        ('{}.png', '{}_seg.png', 'try `mask_suffix` _seg.png'),
        ('{}.jpg', '{}.png', 'try `image_suffix` .jpg and `mask_suffix` .png'),
        ('i/{}_leftImg8bit.png', 'm/{}_gtFine_labelIds.png', '_leftImg8bit.png and `mask_suffix` _gtFine_labelIds'),
        ('i/img_{}.png', 'm/mask_{}.png', 'give the endings that differ: `image_suffix` and `mask_suffix`'),
        ('imgs/{}.png', 'labels/{}.png', ''),  # folders that say what they hold need no suffix
    ],
)
def test_the_error_names_the_suffixes_that_would_pair_the_files(
    images: str, masks: str, words: str, tmp_path: Path
) -> None:
    for number in range(1, 4):
        photo(tmp_path / images.format(number))
        save(tmp_path / masks.format(number), codes(number, 2).astype(np.uint8))
    folders = [tmp_path / Path(name).parent for name in (images, masks)]
    if not words:
        assert len(find_pairs(tmp_path, tmp_path, Report(()))) == 3
        return
    with pytest.raises(InputError) as caught:
        find_pairs(*folders, Report(()))
    assert words in str(caught.value)
    named = re.findall(r'`(image|mask)_suffix` (\S+)', str(caught.value).partition('try ')[2].rstrip(';'))
    if named:
        suffixes = {f'{kind}_suffix': end.rstrip(';') for kind, end in named}
        report = Report(())
        assert len(find_pairs(*folders, report, **suffixes)) == 3
        assert not report.failed


CLASSES = {0: 'background', 1: 'cat'}


def pair(folder: Path, stem: str, seed: int = 0) -> None:
    photo(folder / f'images/{stem}.png', seed)
    save(folder / 'masks' / f'{stem}.png', codes(seed, 2).astype(np.uint8))


def listing(root: Path) -> dict[str, str]:
    return {path.stem: path.parent.name for path in root.glob('img/*/*')}


def test_a_file_that_is_added_moves_no_other(tmp_path: Path) -> None:
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    for seed in range(8):
        pair(tmp_path, f'b{seed}', seed)
    convert_folder(*arguments, values=CLASSES)
    before = listing(tmp_path / 'data')
    pair(tmp_path, 'a', 9)
    done = convert_folder(*arguments, values=CLASSES)
    assert done.written == 1
    assert done.report.is_clean
    assert len(list((tmp_path / 'data/img').glob('*/*'))) == 9
    assert {stem: split for stem, split in listing(tmp_path / 'data').items() if stem != 'a'} == before
    convert_folder(*arguments[:2], tmp_path / 'fresh', values=CLASSES)
    assert listing(tmp_path / 'fresh') != listing(tmp_path / 'data')  # it would have moved some


def test_an_image_of_another_split_or_without_a_source_is_told(tmp_path: Path) -> None:
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    for stem in ('train/a', 'val/a', 'val/b', 'val/c'):
        pair(tmp_path, stem)
    convert_folder(*arguments, values=CLASSES)
    for folder in ('images', 'masks'):
        (tmp_path / folder / 'val/c.png').unlink()
        (tmp_path / folder / 'val/a.png').unlink()  # not that of train
    (doubt,) = convert_folder(*arguments, values=CLASSES).report.doubts
    assert doubt.startswith('2 images of the data set are not, or no longer, in the source: val/a.png, val/c.png')
    for folder in ('img', 'labels'):
        (tmp_path / 'data' / folder / 'val/a.png').unlink()
    for folder in ('images', 'masks'):
        (tmp_path / folder / 'val/b.png').rename(tmp_path / folder / 'train/b.png')
    with pytest.raises(InputError, match=r'img/val/b\.png: is train/b\.png in the source now; .*`overwrite=True`'):
        convert_folder(*arguments, values=CLASSES)
    assert listing(tmp_path / 'data') == {'a': 'train', 'b': 'val', 'c': 'val'}
    convert_folder(*arguments, values=CLASSES, overwrite=True)
    assert listing(tmp_path / 'data') == {'a': 'train', 'b': 'train'}


def test_a_corrected_mask_is_told(tmp_path: Path) -> None:
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    for seed in range(2):
        pair(tmp_path, f'b{seed}', seed)
    convert_folder(*arguments, values=CLASSES, split=ALL)
    save(tmp_path / 'masks/b1.png', codes(5, 2).astype(np.uint8))
    (doubt,) = convert_folder(*arguments, values=CLASSES, split=ALL).report.doubts
    assert doubt.startswith('1 images or masks differ from the current source and were kept: train/b1; replace')
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/b1.png'), codes(1, 2))
    assert convert_folder(*arguments, values=CLASSES, split=ALL, overwrite=True).report.is_clean
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/b1.png'), codes(5, 2))


def test_a_run_that_used_no_image_does_not_bind_the_next_to_its_settings(tmp_path: Path) -> None:
    pair(tmp_path, 'a')
    arguments = (tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data')
    with pytest.raises(InputError, match='none of the 1 images can be used'):
        convert_folder(*arguments, values={9: 'nine'}, split=ALL)
    assert convert_folder(*arguments, values=CLASSES, split=ALL).images == {'train': 1}
    assert len(json.loads((tmp_path / 'data/conversion.json').read_text())['settings']['values']) == len(CLASSES)
    with pytest.raises(InputError, match='this data set was made with classes'):
        convert_folder(*arguments, values={9: 'nine'}, split=ALL)


def test_images_without_any_mask_of_their_name_are_named_by_their_folder(tmp_path: Path) -> None:
    pair(tmp_path, 'a')
    (tmp_path / 'masks/a.png').rename(tmp_path / 'masks/zzz.png')
    with pytest.raises(InputError, match="images: no image has a mask of the same name: images such as 'a'"):
        convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=CLASSES, split=ALL)


def test_an_earlier_set_stays_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / 'data'
    pair(tmp_path, 'a')
    convert_folder(tmp_path / 'images', tmp_path / 'masks', root, values=CLASSES, split=ALL)
    before = {path: path.read_bytes() for path in root.rglob('*.*')}
    arguments = (tmp_path / 'images', tmp_path / 'masks', root)
    save(tmp_path / 'masks/a.png', np.full((8, 12), 7, np.uint8))
    with pytest.raises(InputError, match='none of the 1 images can be used'):
        convert_folder(*arguments, values=CLASSES, split=ALL, overwrite=True)
    assert {path: path.read_bytes() for path in root.rglob('*.*')} == before
    save(tmp_path / 'masks/a.png', codes(3, 2).astype(np.uint8))
    real = output.write_json

    def killed(path: Path, value: Any) -> None:
        real(path, value)
        raise KeyboardInterrupt

    monkeypatch.setattr(output, 'write_json', killed)
    with pytest.raises(KeyboardInterrupt):
        convert_folder(*arguments, values=CLASSES, split=ALL, overwrite=True)
    monkeypatch.undo()
    with pytest.raises(InputError, match='made with overwrite "interrupted"'):
        convert_folder(*arguments, values=CLASSES, split=ALL)
    convert_folder(*arguments, values=CLASSES, split=ALL, overwrite=True)
    np.testing.assert_array_equal(read_mask(root / 'labels/train/a.png'), codes(3, 2))
    assert {path.name for path in root.iterdir()} == {'img', 'labels', 'dataset.yaml', 'conversion.json'}


def test_given_splits_are_those_of_all_images(tmp_path: Path) -> None:
    for stem in ('train/a', 'val/b', 'c'):
        pair(tmp_path, stem)
    with pytest.raises(InputError, match=r'images/c\.png: has no split .like 1 of 3 images.*although .*`list`'):
        convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=CLASSES)


def test_a_name_that_is_no_text_costs_only_itself(tmp_path: Path) -> None:
    for stem in ('a', 'b', 'c'):
        pair(tmp_path, stem)
    try:
        for path, name in (
            ('images/b.png', b'/\xff.png'),
            ('masks/b.png', b'/\xff.png'),
            ('images/c.png', b'/\xfe.png'),
        ):
            os.rename(tmp_path / path, os.fsencode((tmp_path / path).parent) + name)
    except OSError:
        pytest.skip('needs a file system that takes any bytes as a name')
    done = convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values=CLASSES, split=ALL)
    assert done.written == 1
    assert str(done.report.failed[-1]) == "'train/\\udcff': cannot be printed; rename it in the source"
    assert len(json.loads((tmp_path / 'data/conversion.json').read_text())['report']['failed']) == 3


@pytest.mark.parametrize('bordered', [False, True])
def test_masks_of_0_and_255_among_others_are_told(tmp_path: Path, bordered: bool) -> None:
    masks = {'index': [[0, 1]], 'binary': [[0, 255]], 'ignored': [[0, 1, 255] if bordered else [0, 1, 1]]}
    for name, values in masks.items():
        mask = np.array(values * 2, np.uint8)
        save(tmp_path / f'images/{name}.png', np.repeat(mask[..., None], 3, axis=2))
        save(tmp_path / f'masks/{name}.png', mask)
    done = convert_folder(
        tmp_path / 'images', tmp_path / 'masks', tmp_path / 'data', values={0: 'background', 1: 'thing'}, split=ALL
    )
    told = [doubt for doubt in done.report.doubts if 'every mask with 255' in doubt]
    assert bool(told) is not bordered  # ignored borders are what 255 is for
    values = {0: 'background', 1: 'thing', 2: 'other'}
    done = convert_folder(tmp_path / 'images', tmp_path / 'masks', tmp_path / 'three', values=values, split=ALL)
    assert any('no mask shows other, but some hold 255' in doubt for doubt in done.report.doubts)


@pytest.mark.parametrize(('shades', 'remedy'), [(3, 'nearest=True'), (1, 'give such pixels a class')])
def test_a_few_pixels_of_many_colours_are_smoothed_edges(tmp_path: Path, shades: int, remedy: str) -> None:
    mask = np.zeros((10, 10, 3), np.uint8)
    mask[:, 5:] = 200
    for row in range(3):
        mask[row, 4] = 50 + 20 * (row % shades)
    (tmp_path / 'table.csv').write_text('a,0,0,0\nb,200,200,200\n')
    save(tmp_path / 'mask.png', mask)
    _, translation = translate_table(read_table(tmp_path / 'table.csv'))
    with pytest.raises(InputError) as caught:
        translation.read(tmp_path / 'mask.png')
    assert f'3 px have {shades} colour' in caught.value.problem
    assert remedy in caught.value.remedy
