from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.eda.cleaning import DEFAULT_RULES, CleaningReport, Thresholds, clean_label_set, label_set
from mmseg_ext.errors import InputError

PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))


def spoilt_mask() -> np.ndarray:
    """A square with a pinhole and a noise region."""
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    mask[20, 20] = 0
    mask[50:52, 50] = 2
    return mask


def true_mask() -> np.ndarray:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    return mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Train holds a spoilt and a true mask, val a true one."""
    root = tmp_path / 'data'
    root.mkdir()
    (root / 'dataset.yaml').write_text('classes: [background, a, b]\npalette: [[0,0,0],[220,60,60],[60,100,230]]\n')
    for split, stem, mask in (
        ('train', 'bad', spoilt_mask()),
        ('train', 'good', true_mask()),
        ('val', 'fine', true_mask()),
    ):
        write_mask(root / 'labels' / split / f'{stem}.png', mask, PALETTE)
    return root


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_a_new_label_set_with_its_tables(root: Path) -> None:
    source = content(root)
    report = clean_label_set(root, 'labels', 'clean')
    np.testing.assert_array_equal(read_mask(root / 'clean/train/bad.png'), true_mask())
    written = content(root / 'clean')
    assert set(written) == {'train/bad.png', 'train/good.png', 'val/fine.png', 'cleaning.csv', 'cleaning.json'}
    assert written['train/good.png'] == source['labels/train/good.png']
    assert {name: data for name, data in content(root).items() if not name.startswith('clean/')} == source
    assert [path.name for path in sorted(root.iterdir())] == ['clean', 'dataset.yaml', 'labels']
    assert (root / 'clean').stat().st_mode == (root / 'labels').stat().st_mode

    rows = list(csv.DictReader((root / 'clean/cleaning.csv').open()))
    assert rows == [
        {'split': 'train', 'stem': 'bad', 'step': '1', 'rule': 'pinholes', 'changed_pixels': '1',
         'regions_before': '2', 'regions_after': '2'},
        {'split': 'train', 'stem': 'bad', 'step': '2', 'rule': 'noise', 'changed_pixels': '2',
         'regions_before': '2', 'regions_after': '1'},
    ]  # fmt: skip
    record = json.loads((root / 'clean/cleaning.json').read_text())
    assert [{k: str(v) for k, v in row.items()} for row in record['changes']] == rows
    assert (record['labels'], record['out'], record['masks'], record['changed_masks']) == ('labels', 'clean', 3, 1)
    assert record['rules'] == list(DEFAULT_RULES)
    assert Thresholds(**record['thresholds']) == Thresholds()
    assert report.totals()[3:5] == [('pinholes', 1, 1), ('noise', 1, 2)]
    assert report.changed_files() == [('train', 'bad')]


def test_rules_thresholds_and_splits_are_chosen(root: Path) -> None:
    report = clean_label_set(root, 'labels', 'clean', rules=['noise', 'pinholes'], limits=Thresholds(noise_area=2))
    assert report.rules == ('pinholes', 'noise')
    assert [entry.change.rule for entry in report.changes] == ['pinholes']
    only_val = clean_label_set(root, 'labels', 'val_only', splits=['val'])
    assert only_val.masks == 1
    assert sorted(path.name for path in (root / 'val_only').iterdir() if path.is_dir()) == ['val']


def test_a_second_run_changes_nothing(root: Path) -> None:
    clean_label_set(root, 'labels', 'clean')
    assert clean_label_set(root, 'clean', 'again').changes == []
    for name in ('train/bad.png', 'train/good.png', 'val/fine.png'):
        assert (root / 'again' / name).read_bytes() == (root / 'clean' / name).read_bytes()


def test_a_dry_run_writes_nothing(root: Path) -> None:
    before = content(root)
    seen: list[bytes] = []

    def finish(report: CleaningReport, folder: Path) -> None:
        assert root not in folder.parents
        seen.append((folder / 'train/bad.png').read_bytes())

    report = clean_label_set(root, 'labels', 'clean', dry_run=True, finish=finish)
    assert len(report.changes) == 2
    assert len(seen) == 1
    assert content(root) == before
    assert sorted(path.name for path in root.iterdir()) == ['dataset.yaml', 'labels']
    clean_label_set(root, 'labels', 'labels2')
    clean_label_set(root, 'labels', 'labels2', dry_run=True)  # an existing name is no obstacle: it stays as it is


def test_an_existing_label_set_is_replaced_on_request_alone_and_only_ours(root: Path) -> None:
    clean_label_set(root, 'labels', 'clean', rules=['noise'])
    before = content(root)
    with pytest.raises(InputError, match='`overwrite=True`'):
        clean_label_set(root, 'labels', 'clean')
    assert content(root) == before
    (root / 'clean/train/stale.png').write_bytes(b'')
    clean_label_set(root, 'labels', 'clean', overwrite=True)
    np.testing.assert_array_equal(read_mask(root / 'clean/train/bad.png'), true_mask())
    assert not (root / 'clean/train/stale.png').exists()
    write_mask(root / 'labels/test/new.png', true_mask(), PALETTE)
    write_mask(root / 'clean/test/new.png', true_mask(), PALETTE)
    for splits in (['train'], None):  # the mask of test was made by hand
        with pytest.raises(InputError, match=r'holds other files \((test|test, val)\); move them'):
            clean_label_set(root, 'labels', 'clean', splits=splits, overwrite=True)
    write_mask(root / 'by_hand/train/bad.png', true_mask(), PALETTE)
    with pytest.raises(InputError, match=r'holds files but no cleaning\.json'):
        clean_label_set(root, 'labels', 'by_hand', overwrite=True)
    assert list(content(root / 'by_hand')) == ['train/bad.png']
    assert not [path for path in root.iterdir() if path.name.startswith('.')]


@pytest.mark.parametrize('overwrite', [False, True])
def test_an_interrupted_run_leaves_the_folder_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    if overwrite:
        clean_label_set(root, 'labels', 'clean', rules=['noise'])
    before = content(root)

    def interrupt(report: CleaningReport, folder: Path) -> None:
        assert folder.parent.parent == root  # the same file system, so that one rename suffices
        assert (folder / 'train/bad.png').is_file()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clean_label_set(root, 'labels', 'clean', overwrite=overwrite, finish=interrupt)
    assert content(root) == before


def test_a_failed_exchange_puts_the_old_set_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean_label_set(root, 'labels', 'clean', rules=['noise'])
    before = content(root)
    rename = Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        if self.name == 'new':
            raise OSError(28, 'No space left on device')
        return rename(self, target)

    monkeypatch.setattr(Path, 'rename', fail_once)
    with pytest.raises(InputError, match='No space left'):
        clean_label_set(root, 'labels', 'clean', overwrite=True)
    assert content(root) == before


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(labels='nothing', out='x'), 'nothing: label set not found; choose `labels` from empty, labels'),
        (dict(labels='labels', out='labels'), 'source itself'),
        (dict(labels='labels', out='../x'), '`to=.*name of a label set'),
        (dict(labels='labels', out='x', splits=['trian']), "no split 'trian'; choose `splits` from train,val"),
        (dict(labels='labels', out='x', rules=['polish']), '`rules=polish`: no such rule; choose from staircase'),
        (dict(labels='labels', out='x', rules=[]), '`rules`: lists no rules'),
        (dict(labels='empty', out='x'), 'empty: holds no file'),
        (dict(labels='labels', out='x', splits=[]), '`splits`: lists no splits; choose from train,val'),
    ],
)
def test_wrong_names_are_refused(root: Path, arguments: dict[str, object], words: str) -> None:
    (root / 'empty').mkdir()
    before = sorted(root.iterdir())
    with pytest.raises(InputError, match=words):
        clean_label_set(root, **arguments)  # type: ignore[arg-type]
    assert sorted(root.iterdir()) == before


def test_a_value_that_is_no_class_is_named(root: Path) -> None:
    write_mask(root / 'labels/train/odd.png', np.full((4, 4), 7, np.uint8), PALETTE)
    report = clean_label_set(root, 'labels', 'odd')
    (problem,) = report.left_out
    assert 'odd.png: holds class id 7, known: 0 background, 1 a, 2 b and 255' in problem
    assert report.masks == 3
    assert (root / 'odd/train/odd.png').read_bytes() == (root / 'labels/train/odd.png').read_bytes()
    write_mask(root / 'labels/train/odd.png', np.full((4, 4), 255, np.uint8), PALETTE)
    assert clean_label_set(root, 'labels', 'clean').masks == 4
    write_mask(root / 'labels/train/odd.png', true_mask(), PALETTE[::-1])
    (problem,) = clean_label_set(root, 'labels', 'other').left_out
    assert 'odd.png: its palette holds the colours of dataset.yaml in another order' in problem


@pytest.mark.skipif(not Path('/proc/self/mem').exists(), reason='needs a file that can be opened but not read')
def test_a_file_that_cannot_be_read_costs_only_itself(root: Path) -> None:
    (root / 'labels/train/broken.png').symlink_to('/proc/self/mem')
    report = clean_label_set(root, 'labels', 'clean')
    assert report.left_out == [f'{root}/labels/train/broken.png: cannot be read (Input/output error)']
    assert report.masks == 3
    assert set(content(root / 'clean')) >= {'train/bad.png', 'train/good.png', 'val/fine.png'}
    assert not (root / 'clean/train/broken.png').exists()


def test_a_set_without_a_background_is_refused(root: Path) -> None:
    (root / 'dataset.yaml').write_text('classes: [road, sky, wall]\nbackground: null\n')
    with pytest.raises(InputError, match=r'dataset\.yaml: has `background: null`'):
        clean_label_set(root, 'labels', 'clean')


def test_the_palette_and_the_ignored_value_come_from_the_data_set(root: Path) -> None:
    (root / 'dataset.yaml').write_text('classes: [g, a]\npalette: [[0,0,0],[1,2,3]]\nignore_index: 2\n')
    clean_label_set(root, 'labels', 'clean', rules=['pinholes', 'noise'])
    cleaned = read_mask(root / 'clean/train/bad.png')
    assert cleaned[20, 20] == 1
    np.testing.assert_array_equal(cleaned == 2, spoilt_mask() == 2)
    from PIL import Image

    with Image.open(root / 'clean/train/bad.png') as image:
        assert image.getpalette()[3:6] == [1, 2, 3]


def test_the_files_are_read_one_by_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set of any size needs the memory of one mask: each is written before the next is read."""
    events: list[str] = []
    read, write = label_set.read_palette_mask, label_set._write
    monkeypatch.setattr(label_set, 'read_palette_mask', lambda *a: (events.append('read'), read(*a))[1])
    monkeypatch.setattr(label_set, '_write', lambda *a: (events.append('write'), write(*a))[1])
    clean_label_set(root, 'labels', 'clean')
    assert events == ['read', 'write'] * 3
