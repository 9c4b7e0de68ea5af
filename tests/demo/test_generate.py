"""A demo set is complete and repeatable, records its defects, and never replaces foreign files."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.demo import generate
from mmseg_ext.demo.defects import DEFECTS
from mmseg_ext.demo.generate import PALETTE, DemoSettings, assign_defects, make_demo_data, render_image, summarize
from mmseg_ext.errors import InputError

SMALL = DemoSettings(train=12, val=3, test=2, size=64, seed=7, defects=0.9)


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('demo') / 'pets'
    assert make_demo_data(root, SMALL)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def copy(made: Path, root: Path) -> Path:
    for name, content in contents(made).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_the_set_has_exactly_its_files(made: Path) -> None:
    assert set(contents(made)) == SMALL.files()
    assert len(SMALL.files()) == 17 * 3 + 2
    assert list(made.parent.iterdir()) == [made]


def test_the_data_set_names_its_classes(made: Path) -> None:
    classes = Classes.read(made)
    assert classes.names == ('background', 'cat', 'dog')
    assert classes.palette == PALETTE == ((0, 0, 0), (220, 60, 60), (60, 100, 230))
    assert classes.ignore_index == 255


def test_true_masks_are_those_of_the_scenes_in_whatever_order_they_are_drawn(made: Path) -> None:
    import cv2

    for split, index in (('val', 2), ('train', 5), ('train', 0)):
        scene = render_image(SMALL, split, index)
        stem = SMALL.stems(split)[index]
        np.testing.assert_array_equal(read_mask(made / 'labels_true' / split / f'{stem}.png'), scene.mask)
        image = cv2.imread(str(made / 'img' / split / f'{stem}.jpg'))
        assert image.shape == (64, 64, 3)
        difference = np.abs(image[..., ::-1].astype(int) - scene.image)
        assert difference.mean() < 12  # JPEG loses a little; swapped channels would lose much more


def test_an_image_does_not_depend_on_the_size_of_its_split() -> None:
    fewer = replace(SMALL, train=1)
    np.testing.assert_array_equal(render_image(fewer, 'val', 1).image, render_image(SMALL, 'val', 1).image)


def test_seeds_splits_and_indices_give_different_images() -> None:
    images = [
        render_image(SMALL, 'train', 0), render_image(SMALL, 'train', 2), render_image(SMALL, 'val', 0),
        render_image(replace(SMALL, seed=8), 'train', 0),
    ]  # fmt: skip
    assert len({scene.image.tobytes() for scene in images}) == 4


def test_the_record_tells_exactly_what_was_planted(made: Path) -> None:
    record = json.loads((made / 'defects.json').read_text())
    assert record['parameters'] == asdict(SMALL)
    assert record['seed'] == 7
    for split in ('train', 'val', 'test'):
        for stem in SMALL.stems(split):
            truth, labels = (read_mask(made / name / split / f'{stem}.png') for name in ('labels_true', 'labels'))
            planted = record['images'].get(f'{split}/{stem}', [])
            assert np.count_nonzero(truth != labels) == sum(defect['changed_pixels'] for defect in planted)
            assert set(np.unique(labels)) <= {0, 1, 2}
            assert all(defect['changed_pixels'] > 0 and defect['kind'] in DEFECTS for defect in planted)
    assert not [name for name in record['images'] if name.startswith('test/')]
    assert len(record['images']) == round(0.9 * 12) + round(0.9 * 3)


def test_masks_are_palette_images(made: Path) -> None:
    from PIL import Image

    with Image.open(made / 'labels' / 'train' / 'train_00000.png') as image:
        assert image.mode == 'P'
        assert image.getpalette()[:9] == [0, 0, 0, 220, 60, 60, 60, 100, 230]


def test_a_default_train_set_holds_every_kind() -> None:
    kinds = assign_defects(DemoSettings(), 'train')
    assert len(kinds) == 48
    assert set(kinds.values()) == set(DEFECTS)
    assert assign_defects(DemoSettings(), 'test') == {}
    assert assign_defects(DemoSettings(seed=1), 'train') != kinds
    assert assign_defects(DemoSettings(defects=0.0), 'train') == {}


def test_the_same_settings_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    make_demo_data(tmp_path / 'again', SMALL)
    assert contents(tmp_path / 'again') == contents(made)


def test_a_complete_set_is_left_alone(made: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.rglob('*')}
    assert not make_demo_data(made, SMALL)
    assert {path: path.stat().st_mtime_ns for path in made.rglob('*')} == before


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert make_demo_data(tmp_path, DemoSettings(1, 0, 0, 64))
    assert (tmp_path / 'img' / 'train' / 'train_00000.jpg').is_file()


@pytest.mark.parametrize('change', ['settings', 'missing file', 'version'])
def test_another_or_incomplete_set_is_replaced_only_on_request(made: Path, tmp_path: Path, change: str) -> None:
    root, settings = copy(made, tmp_path / 'pets'), SMALL
    if change == 'settings':
        settings = replace(SMALL, val=1)
    elif change == 'missing file':
        (root / 'labels' / 'val' / 'val_00001.png').unlink()
    else:
        record = json.loads((root / 'defects.json').read_text())
        (root / 'defects.json').write_text(json.dumps({**record, 'version': 0}))
    before = contents(root)
    with pytest.raises(InputError, match='`overwrite=True`'):
        make_demo_data(root, settings)
    assert contents(root) == before
    assert make_demo_data(root, settings, overwrite=True)
    assert set(contents(root)) == settings.files()
    assert list(tmp_path.iterdir()) == [root]


@pytest.mark.parametrize('foreign', ['notes.txt', 'labels/train/extra.png', 'labels_fixed/train/train_00000.png'])
def test_a_set_with_foreign_files_is_never_replaced(made: Path, tmp_path: Path, foreign: str) -> None:
    root = copy(made, tmp_path / 'pets')
    (root / foreign).parent.mkdir(parents=True, exist_ok=True)
    (root / foreign).write_text('mine')
    assert not make_demo_data(root, SMALL)  # next to a complete set it does no harm
    with pytest.raises(InputError, match='was not made by this tool'):
        make_demo_data(root, SMALL, overwrite=True)
    assert (root / foreign).read_text() == 'mine'


@pytest.mark.parametrize(
    'record', [None, '{"generator": "another"}', 'no JSON', '[]', '{"generator": "mmseg_ext.demo"}']
)
def test_a_foreign_folder_is_never_replaced(tmp_path: Path, record: str | None) -> None:
    (tmp_path / 'photo.jpg').write_bytes(b'dear')
    if record is not None:
        (tmp_path / 'defects.json').write_text(record)
    for overwrite in (False, True):
        with pytest.raises(InputError):
            make_demo_data(tmp_path, SMALL, overwrite=overwrite)
    assert (tmp_path / 'photo.jpg').read_bytes() == b'dear'


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / 'pets').write_text('')
    with pytest.raises(InputError, match='is a file'):
        make_demo_data(tmp_path / 'pets', SMALL)


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_failure_leaves_nothing_half_made(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    root = tmp_path / 'pets'
    if overwrite:
        copy(made, root)
    before = contents(root)
    drawn = []

    def fail_at_the_third(*args: object, **kwargs: object) -> object:
        drawn.append(args)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return render_image(SMALL, 'train', 0)

    monkeypatch.setattr(generate, 'render_image', fail_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        make_demo_data(root, SMALL, overwrite=overwrite)
    assert len(drawn) == 3
    assert contents(root) == before
    assert list(tmp_path.iterdir()) == ([root] if overwrite else [])


def test_the_old_set_comes_back_if_the_new_one_cannot_be_moved(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy(made, tmp_path / 'pets')
    rename = Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.name == 'new':
            raise OSError(28, 'No space left on device')
        return rename(self, target)

    monkeypatch.setattr(Path, 'rename', refuse_new)
    with pytest.raises(InputError, match='No space left'):
        make_demo_data(root, replace(SMALL, train=1), overwrite=True)
    assert contents(root) == contents(made)


def test_the_summary_counts(made: Path) -> None:
    text = summarize(made)
    assert 'train 12, val 3, test 2' in text
    assert '14 images' in text
    assert 'specks 3' in text  # 11 in train are each kind once and the first again; 3 in val start again
    assert 'scrap 1' in text


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'train': -1}, '`train=-1`'),
        ({'test': -3}, '`test=-3`'),
        ({'train': 0, 'val': 0, 'test': 0}, 'all 0'),
        ({'size': 63}, '`size=63`'),
        ({'seed': -1}, '`seed=-1`'),
        ({'defects': 1.5}, '`defects=1.5`'),
        ({'defects': float('nan')}, '`defects=nan`'),
    ],
)
def test_impossible_settings_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DemoSettings(**values)
