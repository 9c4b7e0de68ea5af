from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.dataset import IMAGE_SUFFIXES, DataSet, Item, LabelSet, Split, choose_files, list_stems
from mmseg_ext.errors import InputError

WriteSet = Callable[..., Path]
MASK = np.zeros((2, 2), np.uint8)


def test_splits_come_in_the_usual_order_whether_they_have_masks_or_images(write_set: WriteSet) -> None:
    root = write_set({'zoo': {'a': MASK}, 'train': {'a': MASK}, 'attic': {'a': MASK}}, {'test': {'b': MASK}})
    (root / 'labels' / 'val').mkdir()
    (root / 'img' / '.cache').mkdir()
    data = DataSet(root)
    assert data.splits('labels') == ('train', 'val', 'test', 'attic', 'zoo')
    assert data.splits('labels', ['test', 'train', 'test']) == ('test', 'train')
    assert data.splits() == ('test',)


@pytest.mark.parametrize(
    ('labels', 'splits', 'word'),
    [
        ('lables', None, 'data/lables: label set not found; choose `labels` from labels'),
        ('a' * 300, None, 'label set not found'),  # longer than a file system allows
        ('é' * 300, None, 'label set not found'),
        ('img', None, 'img'),
        ('../set/labels', None, '`labels='),
        ('', None, '`labels='),
        ('..', None, '`labels='),
        ('labels', ['trian'], "no split 'trian'; choose `splits` from train"),
    ],
)
def test_unknown_names(write_set: WriteSet, labels: str, splits: list[str] | None, word: str) -> None:
    data = DataSet(write_set({'train': {'a': MASK}}, {'train': {'a': MASK}}))
    with pytest.raises(InputError, match=word):
        data.splits(labels, splits)


def test_missing_folders_are_named(write_set: WriteSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='none: folder not found'):
        DataSet(tmp_path / 'none')
    data = DataSet(write_set({}))
    with pytest.raises(InputError, match='img: holds no split'):
        data.splits()
    (data.root / 'img' / 'train').mkdir(parents=True)
    (data.root / 'labels').mkdir()
    with pytest.raises(InputError, match='img/train: holds no image'):
        data.split('train', 'labels').scan()
    with pytest.raises(InputError, match='no files in img/train nor labels/train'):
        data.items('labels', ['train'])


def test_label_sets(write_set: WriteSet) -> None:
    data = DataSet(write_set({'train': {'b': MASK, 'a': MASK}}, {'train': {'a': MASK}}))
    for name in ('labels_fixed', 'labelme', '.hidden'):
        (data.root / name / 'train').mkdir(parents=True)
    assert data.label_sets() == ('labels', 'labels_fixed')
    masks = data.label_set('labels')
    assert masks.splits() == ('train',)
    assert masks.path('val', 'x') == data.root / 'labels/val/x.png'
    assert list(masks.files()) == [('train', 'a'), ('train', 'b')]
    with pytest.raises(InputError, match=r'labels_fixed: holds no file <split>/<stem>\.png'):
        data.label_set('labels_fixed').files()
    with pytest.raises(InputError, match="no split 'val'"):
        masks.files(['val'])
    with pytest.raises(InputError, match='no such folder'):
        LabelSet(data.root / 'elsewhere', '.json').files()


def test_where_there_is_nothing_to_choose_from_the_layout_is_told(write_set: WriteSet) -> None:
    data = DataSet(write_set({}, {'train': {'a': MASK}}))
    with pytest.raises(InputError, match=r'masks: label set not found; there is no other; a data set has img/<split>/'):
        data.label_set('masks')
    with pytest.raises(InputError, match='train: holds no folder of a split; give the folder that contains the splits'):
        LabelSet(data.root / 'img/train').splits(['train'])


def test_a_new_label_set_need_not_exist_but_has_a_fitting_name(write_set: WriteSet) -> None:
    data = DataSet(write_set({'train': {'a': MASK}}))
    assert data.new_label_set('mine') == LabelSet(data.root / 'mine')
    assert not (data.root / 'mine').exists()
    assert repr(data) == f"DataSet('{data.root}')"
    (data.root / 'img' / 'train').mkdir(parents=True)
    assert repr(data) == f"DataSet('{data.root}': splits train; label sets labels)"
    with pytest.raises(InputError, match='`to=labels`: is the source itself'):
        data.new_label_set('labels', source='labels')
    for name in ('img', 'labelme', '../mine', '..', '.', '', '.mine'):
        with pytest.raises(InputError, match='`to='):
            data.new_label_set(name)


@pytest.mark.parametrize(('name', 'shown'), [('a\nb', r'a\nb'), ('na\udcefve', r'na\udcefve')])
def test_a_name_that_cannot_be_printed_is_refused(name: str, shown: str, write_set: WriteSet) -> None:
    root = write_set({'train': {'x': MASK, 'a\u202fb': MASK}}, {'train': {'x': MASK, 'a\u202fb': MASK}})
    for folder in ('img', 'labels'):
        (root / folder / 'train/x.png').rename(root / folder / f'train/{name}.png')
    data = DataSet(root)
    for read in (data.label_set('labels').files, data.items):
        with pytest.raises(InputError, match='its name cannot be printed; rename it') as caught:
            read()
        assert shown in str(caught.value)
        assert str(caught.value).isprintable()
    items, problems = data.split('train', 'labels').scan()
    assert [item.stem for item in items] == ['a\u202fb']
    assert [(problem.check, problem.stem) for problem in problems] == [('unread_format', f'{shown}.png')] * 2
    assert all(problem.message.isprintable() for problem in problems)
    (root / 'img/train').rename(root / f'img/{name}')
    with pytest.raises(InputError, match='its name cannot be printed; rename it') as caught:
        data.splits()
    assert str(caught.value).isprintable()


def test_links_that_cannot_be_followed_are_strays(write_set: WriteSet) -> None:
    root = write_set({'train': {'a': MASK}}, {'train': {'a': MASK}})
    (root / 'img/train/b.png').symlink_to('b.png')
    (root / 'img/val').symlink_to('val')
    (root / 'img/train/c.png').symlink_to('a.png')
    data = DataSet(root)
    assert data.splits() == ('train',)
    assert [item.stem for item in data.items()] == ['a', 'c']
    items, problems = data.split('train', 'labels').scan()
    assert [item.stem for item in items] == ['a', 'c']
    found = {problem.stem: problem.message for problem in problems}
    assert found['b.png'] == 'img/train/b.png is not read: it is a broken link'
    (root / 'img/test').mkdir()
    (root / 'img/test/b.png').symlink_to('b.png')
    with pytest.raises(InputError, match=r'holds no image; it holds 1 \.png'):
        data.split('test').scan()


def test_items_pair_images_and_masks_by_stem(write_set: WriteSet) -> None:
    root = write_set({'train': {'b': MASK, 'c': MASK}}, {'train': {'a': MASK, 'b': MASK}})
    items = DataSet(root).items('labels')
    assert [(item.stem, item.image is not None, item.mask is not None) for item in items] == [
        ('a', True, False),
        ('b', True, True),
        ('c', False, True),
    ]
    assert items[1].key == ('train', 'b')
    assert (items[1].image, items[1].mask, items[1].shapes) == (
        root / 'img/train/b.png',
        root / 'labels/train/b.png',
        None,
    )
    assert pickle.loads(pickle.dumps(items)) == items  # as workers get them


def test_images_alone(write_set: WriteSet) -> None:
    root = write_set({'train': {'b': MASK}}, {'train': {'a': MASK}})
    (item,) = DataSet(root).items()
    assert (item.stem, item.mask) == ('a', None)
    with pytest.raises(ValueError, match='without a label set'):
        _ = item.split.mask_folder


def test_a_scan_lists_everything_with_its_problems(write_set: WriteSet) -> None:
    stems = {f'train_{index}': MASK for index in range(3)}
    root = write_set({'train': stems}, {'train': stems})
    (root / 'labels/train/train_0.png').unlink()
    (root / 'img/train/train_1.png').unlink()
    (root / 'img/train/train_2.JPG').write_text('')
    (root / 'img/train/notes.txt').write_text('')
    (root / 'labels/train/old').mkdir()
    (root / 'img/train/.hidden').write_text('')
    (root / 'labelme/train').mkdir(parents=True)
    (root / 'labelme/train/train_2.json').write_text('')
    (root / 'labelme/train/elsewhere.json').write_text('')
    split = DataSet(root).split('train', 'labels')
    items, problems = split.scan()
    assert items == [
        Item(split, 'train_0', 'train_0.png', None, None),
        Item(split, 'train_1', None, 'train_1.png', None),
        Item(split, 'train_2', 'train_2.JPG', 'train_2.png', 'train_2.json'),
    ]
    assert items[2].shapes == root / 'labelme/train/train_2.json'
    assert sorted((problem.check, problem.stem) for problem in problems) == [
        ('ambiguous_stem', 'train_2'),
        ('stray_file', 'notes.txt'),
        ('stray_file', 'old'),
        ('unpaired_image', 'train_0'),
        ('unpaired_mask', 'train_1'),
    ]
    with pytest.raises(InputError, match='has the same stem'):
        split.items()


def test_a_split_without_masks_is_no_problem(write_set: WriteSet) -> None:
    root = write_set({'train': {'a': MASK}}, {'test': {'b': MASK, 'c': MASK}})
    items, problems = Split(root, 'test', 'labels').scan()
    assert [item.mask for item in items] == [None, None]
    assert problems == []


def test_stems_are_sorted_and_other_files_left_out(tmp_path: Path) -> None:
    for name in ('b.png', 'a.JPG', 'c.v2.png', 'notes.txt', '.hidden.png', 'b_1.png'):
        (tmp_path / name).touch()
    (tmp_path / 'folder.png').mkdir()
    found = list_stems(tmp_path, IMAGE_SUFFIXES)
    assert list(found.items()) == [
        ('a', tmp_path / 'a.JPG'),
        ('b', tmp_path / 'b.png'),
        ('b_1', tmp_path / 'b_1.png'),
        ('c.v2', tmp_path / 'c.v2.png'),
    ]


def test_two_files_with_one_stem_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'a.jpg').touch()
    (tmp_path / 'a.png').touch()
    with pytest.raises(InputError, match=r'a\.png: has the same stem as a\.jpg'):
        list_stems(tmp_path, IMAGE_SUFFIXES)
    assert list(list_stems(tmp_path, ('.png',))) == ['a']


FILES = [('train', 'a'), ('train', 'b'), ('val', 'a'), ('val', 'c')]


def test_a_queue_chooses_in_its_order(tmp_path: Path) -> None:
    queue = tmp_path / 'queue.txt'
    queue.write_bytes(b'\xef\xbb\xbfc\r\n# a comment\n\n train/a \nc\n')
    assert choose_files(FILES, queue) == [('val', 'c'), ('train', 'a')]
    queue.write_text('x\u2028y\nc\n', encoding='utf-8')  # for str.splitlines this would be a line break
    assert choose_files([*FILES, ('val', 'x\u2028y')], queue) == [('val', 'x\u2028y'), ('val', 'c')]


@pytest.mark.parametrize(
    ('content', 'problem'),
    [
        (b'a\n', "line 1: 'a' is in train and val; write split/stem"),
        (b'b\nx\n', "line 2: 'x' has no mask"),
        (b'# nothing\n', 'lists no files'),
        (b'\xff', 'is not UTF-8 text'),
        (None, 'cannot be read'),
    ],
)
def test_a_wrong_queue_is_one_line(content: bytes | None, problem: str, tmp_path: Path) -> None:
    queue = tmp_path / 'queue.txt'
    if content is not None:
        queue.write_bytes(content)
    with pytest.raises(InputError, match=problem) as caught:
        choose_files(FILES, queue)
    assert str(caught.value).startswith(f'{queue}: ')


def test_names_that_look_the_same_are_a_pair(tmp_path: Path) -> None:
    composed, decomposed = 'caf\u00e9', 'cafe\u0301'
    for folder, stem in (('img', decomposed), (decomposed, composed), ('labels', decomposed)):
        (tmp_path / folder / 'train').mkdir(parents=True)
        (tmp_path / folder / 'train' / f'{stem}.png').write_bytes(b'')
    data = DataSet(tmp_path)
    for name in (composed, decomposed, 'labels'):
        (item,) = data.items(name)
        assert item.stem == composed
        assert item.image is not None
        assert item.mask is not None
        assert item.image.is_file()
        assert item.mask.is_file()
        assert data.label_set(name).path('train', composed).is_file()
        assert data.split('train', name).scan()[1] == []
    queue = tmp_path / 'queue.txt'
    queue.write_text(f'# comment\n{decomposed}\n#1\n', encoding='utf-8')
    assert choose_files([('train', composed), ('train', '#1')], queue) == [('train', composed), ('train', '#1')]
