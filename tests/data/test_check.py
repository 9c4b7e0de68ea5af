"""Bad data as its owner meets it: one line, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.data import Classes, Split
from mmseg_ext.data.check import ABOUT_255, MAX_NAMED_PROBLEMS, PAIRS_AT_ONCE, Decoded, PairCheck, pair_files
from mmseg_ext.errors import InputError

MakeData = Callable[..., Path]
Warn = Callable[[str], None]
AUDIT = '; see all: mmseg-ext audit {root} --labels labels'


@pytest.fixture
def make_data(write_set: Callable[..., Path]) -> MakeData:
    """Makes a data set of images ``s0``, ``s1``, … of different heights, and returns its root."""

    def make(count: int = 3) -> Path:
        rng = np.random.default_rng(0)
        sizes = {f's{index}': (6 + index, 8) for index in range(count)}
        masks = {stem: rng.choice(np.array([0, 1, 2, 255], np.uint8), size) for stem, size in sizes.items()}
        images = {stem: rng.integers(0, 256, (*size, 3), dtype=np.uint8) for stem, size in sizes.items()}
        return write_set({'train': masks}, {'train': images})

    return make


def pair_check(root: Path, split: str = 'train', labels: str | None = 'labels', warn: Warn | None = None) -> PairCheck:
    part = Split(root, split, labels)
    return PairCheck(pair_files(part), Classes.read(root), part, warn)


def check(
    root: Path,
    split: str = 'train',
    labels: str | None = 'labels',
    warn: Warn | None = None,
    pairs: int = PAIRS_AT_ONCE,
) -> list[int]:
    """Check at once, and return the positions of the pairs that were."""
    checking = pair_check(root, split, labels, warn)
    return np.flatnonzero(checking.check_at_once(checking.look_at_headers(), pairs=pairs)).tolist()


def message(root: Path, split: str = 'train') -> str:
    with pytest.raises(InputError) as caught:
        check(root, split)
    text = str(caught.value)
    assert '\n' not in text
    return text


@pytest.mark.parametrize('folder', ['img', 'labels'])
def test_a_missing_split_folder(folder: str, make_data: MakeData) -> None:
    root = make_data()
    (root / {'img': 'labels', 'labels': 'img'}[folder] / 'val').mkdir()
    if folder == 'labels':
        Image.new('L', (2, 2)).save(root / 'img/val/x.png')
    assert message(root, 'val') == f'{root / folder / "val"}: folder not found; choose `split` from train'


def test_a_missing_label_set_names_those_there(make_data: MakeData) -> None:
    root = make_data()
    with pytest.raises(InputError, match='nope: label set not found; choose `labels` from labels'):
        pair_files(Split(root, 'train', 'nope'))


@pytest.mark.parametrize('folder', ['img', 'labels'])
def test_an_empty_split(folder: str, make_data: MakeData) -> None:
    root = make_data(count=1)
    (root / folder / 'train/s0.png').unlink()
    (root / folder / 'train/readme.txt').write_text('nothing here')
    text = message(root)
    assert text.startswith(f'{root / folder / "train"}: folder holds no ')
    assert '.png' in text
    assert ('.jpg' in text) == (folder == 'img')


@pytest.mark.parametrize(
    ('gone', 'named', 'problem'),
    [('labels', 'img', 'image without mask'), ('img', 'labels', 'mask without image')],
)
def test_a_file_without_its_pair(gone: str, named: str, problem: str, make_data: MakeData) -> None:
    root = make_data()
    (root / gone / 'train/s1.png').unlink()
    assert message(root) == f'{root / named / "train/s1.png"}: {problem}{AUDIT.format(root=root)}'


def test_two_files_of_one_stem(make_data: MakeData) -> None:
    root = make_data()
    Image.new('RGB', (8, 6)).save(root / 'img/train/s0.jpg')
    text = message(root)
    assert str(root / 'img/train/s0.') in text
    assert 's0.jpg' in text
    assert 's0.png' in text


def _write_id(root: Path) -> str:
    mask = np.zeros((6, 8), np.uint8)
    mask[0, :5] = 3, 7, 255, 2, 200
    Image.fromarray(mask).save(root / 'labels/train/s0.png')
    return 'holds class id 3, 7, 200, known: 0 background, 1 cat, 2 dog and 255 (ignored)'


def _write_size(root: Path) -> str:
    Image.new('L', (7, 5)).save(root / 'labels/train/s0.png')
    return f'mask is 7×5 pixels, its image {root / "img/train/s0.png"} is 8×6 (width×height)'


def _write_16_bit(root: Path) -> str:
    Image.fromarray(np.zeros((6, 8), np.uint16)).save(root / 'labels/train/s0.png')
    return 'mask has mode I;16'


def _write_colours(root: Path) -> str:
    Image.new('RGB', (8, 6)).save(root / 'labels/train/s0.png')
    return 'mask has mode RGB'


def _write_text(root: Path) -> str:
    (root / 'labels/train/s0.png').write_text('no mask')
    return 'mask cannot be read'


@pytest.mark.parametrize('write', [_write_id, _write_size, _write_16_bit, _write_colours, _write_text])
def test_a_bad_mask(write: Callable[[Path], str], make_data: MakeData) -> None:
    root = make_data()
    problem = write(root)
    text = message(root)
    assert text.startswith(f'{root / "labels/train/s0.png"}: {problem}')
    assert text.endswith(AUDIT.format(root=root))


def test_a_truncated_image(make_data: MakeData) -> None:
    root = make_data()
    path = root / 'img/train/s1.jpg'
    image = Image.open(root / 'img/train/s1.png').resize((64, 64))
    (root / 'img/train/s1.png').unlink()
    image.save(path)
    Image.new('L', (64, 64)).save(root / 'labels/train/s1.png')
    check(root)
    path.write_bytes(path.read_bytes()[:-200])
    text = message(root)
    assert text.startswith(f'{path}: image is cut short')
    assert text.endswith(AUDIT.format(root=root))


@pytest.mark.parametrize(('bad', 'more'), [(5, None), (6, '; and 1 more'), (7, '; and 2 more')])
def test_five_of_many_are_named(bad: int, more: str | None, make_data: MakeData) -> None:
    root = make_data(count=8)
    for index in range(bad):
        (root / f'img/train/s{index}.png').write_bytes(b'')
    text = message(root)
    assert [name for name in map('s{}.png'.format, range(8)) if name in text] == [f's{i}.png' for i in range(5)]
    assert MAX_NAMED_PROBLEMS == text.count('cannot be decoded') == 5
    assert (more in text) if more else (' more' not in text)


def test_five_of_many_without_a_pair_are_named(make_data: MakeData) -> None:
    root = make_data(count=8)
    for index in range(7):
        (root / 'img/train' / f's{index}.png').unlink()
    text = message(root)
    assert text.count('mask without image') == 5
    assert '; and 2 more; see all' in text


def test_a_label_set_without_the_split_may_be_accepted(make_data: MakeData) -> None:
    root = make_data(count=2)
    (root / 'img/train').rename(root / 'img/test')
    items = pair_files(Split(root, 'test', 'labels'), masks_optional=True)
    assert [(item.stem, item.mask) for item in items] == [('s0', None), ('s1', None)]
    with pytest.raises(InputError, match='labels/test: folder not found'):
        pair_files(Split(root, 'test', 'labels'))
    (root / 'labels/test').mkdir()
    with pytest.raises(InputError, match='labels/test: folder holds no'):
        pair_files(Split(root, 'test', 'labels'), masks_optional=True)


def test_pairs_are_sorted_by_stem(make_data: MakeData) -> None:
    items = pair_files(Split(make_data(count=12), 'train', 'labels'))
    assert [item.stem for item in items] == sorted(f's{index}' for index in range(12))
    assert all(item.mask is not None and item.mask.stem == item.stem for item in items)


def test_the_arrays_of_each_pair_are_handed_over(make_data: MakeData) -> None:
    root = make_data(count=6)
    checking = pair_check(root)
    kept: dict[int, Decoded] = {}
    checking.check_at_once(checking.look_at_headers(), kept.__setitem__)
    assert [kept[position][0].shape for position in range(6)] == [(height, 8, 3) for height in range(6, 12)]
    assert all(mask is not None and mask.shape == image.shape[:2] for image, mask in kept.values())


def test_labels_none_names_no_label_set_in_the_advice(make_data: MakeData) -> None:
    root = make_data()
    (root / 'img/train/s0.png').write_bytes(b'')
    with pytest.raises(InputError) as caught:
        check(root, labels=None)
    assert str(caught.value).endswith(f'; see all: mmseg-ext audit {root}')


def write_masks(root: Path, masks: list[np.ndarray], palette: list[int] | None = None) -> None:
    for index, mask in enumerate(masks):
        image = Image.fromarray(mask.astype(np.uint8))
        if palette is not None:
            image.putpalette(palette)
        image.save(root / f'labels/train/s{index}.png')


def test_masks_of_0_and_255_are_refused_with_the_command_that_converts_them(make_data: MakeData) -> None:
    root = make_data(count=2)
    write_masks(root, [np.eye(6, 8) * 255, np.zeros((7, 8))])
    text = message(root)
    assert text.startswith(f'{root / "labels/train"}: all masks hold only 0 and 255')
    assert text.endswith(f'mmseg-ext remap {root} --labels labels --to labels_remapped --map 0=0 255=1')
    write_masks(root, [np.eye(6, 8) * 255, np.eye(7, 8)])
    lines: list[str] = []
    check(root, warn=lines.append)
    assert lines[1].startswith(f'{root / "labels/train"}: 1 of 2 masks hold only 0 and 255, such as s0.png; ')


def test_masks_that_are_all_ignored_are_refused(make_data: MakeData) -> None:
    root = make_data(count=2)
    write_masks(root, [np.full((6, 8), 255), np.full((7, 8), 255)])
    assert message(root).startswith(f'{root / "labels/train"}: every pixel of every mask is ignored (255)')
    write_masks(root, [np.full((6, 8), 255), np.zeros((7, 8))])
    assert 'all masks hold only 0 and 255' in message(root)


def test_a_palette_in_another_order_is_refused(make_data: MakeData) -> None:
    root = make_data(count=2)
    masks = [np.eye(6, 8), np.zeros((7, 8))]
    write_masks(root, masks, [255, 0, 0, 0, 0, 0])  # of the data set: black, red, blue
    assert f'{root / "labels/train/s0.png"}: its palette holds the colours of dataset.yaml in another order' in message(
        root
    )
    write_masks(root, masks, [0, 0, 0, 255, 0, 0])
    check(root)


def test_palettes_that_disagree_are_refused_without_colours_in_dataset_yaml(make_data: MakeData) -> None:
    root = make_data(count=3)
    (root / 'dataset.yaml').write_text('classes: [background, cat, dog]')
    write_masks(root, [np.eye(height, 8) for height in (6, 7, 8)], [9, 9, 9, 5, 0, 0])
    check(root)
    image = Image.fromarray(1 - np.eye(7, 8, dtype=np.uint8))  # the same colours, by `Image.quantize`
    image.putpalette([5, 0, 0, 9, 9, 9])
    image.save(root / 'labels/train/s1.png')
    assert message(root).startswith(
        f'{root / "labels/train/s1.png"}: its palette order differs from that of most masks; see all'
    )
    image.putpalette([9, 9, 9, 9, 9, 9])  # which tells nothing apart
    image.save(root / 'labels/train/s1.png')
    check(root)


def test_a_class_that_no_mask_shows_is_a_warning(make_data: MakeData) -> None:
    root = make_data(count=2)
    write_masks(root, [np.eye(6, 8), np.zeros((7, 8))])
    lines: list[str] = []
    check(root, warn=lines.append)
    assert lines == [f'{root / "labels/train"}: no mask shows dog']


def test_masks_of_another_suffix_are_named(make_data: MakeData) -> None:
    root = make_data(count=2)
    for path in (root / 'labels/train').iterdir():
        path.rename(path.with_suffix('.tif'))
    assert 'folder holds no .png file; it holds 2 .tif; ' in message(root)


def write_pairs(root: Path, count: int, suffix: str = '.png') -> None:
    """Adds masks with a 1 in the corner and images that go with them: nothing is left in doubt."""
    for index in range(count):
        mask = np.zeros((6, 8), np.uint8)
        mask[0, :2] = 1, 2
        Image.new('RGB', (8, 6)).save(root / f'img/train/s{index}{suffix}')
        Image.fromarray(mask).save(root / f'labels/train/s{index}.png')


@pytest.fixture
def ten(make_data: MakeData) -> Path:
    root = make_data(count=10)
    write_pairs(root, 10)
    return root


def test_of_many_pairs_a_sample_is_decoded_at_once(ten: Path) -> None:
    assert check(ten) == list(range(10))
    assert check(ten, pairs=4) == [0, 3, 6, 9]


@pytest.mark.parametrize('write', [_write_id, _write_size, _write_16_bit, _write_colours, _write_text])
def test_what_is_not_decoded_at_once_is_refused_when_it_is_read_in_the_same_words(
    write: Callable[[Path], str], ten: Path
) -> None:
    problem = write(ten)
    for folder in ('img', 'labels'):  # s4 is not in the sample
        (ten / folder / 'train/s0.png').replace(ten / folder / 'train/s4.png')
        Image.new('RGB' if folder == 'img' else 'L', (8, 6)).save(ten / folder / 'train/s0.png')
    checking = pair_check(ten)
    with pytest.raises(InputError) as caught:
        checking.decode(4)
    assert str(caught.value) == message(ten)
    assert str(caught.value).startswith(f'{ten}/labels/train/s4.png: {problem.replace("s0.png", "s4.png")}')
    headers = checking.look_at_headers()
    if write is _write_id:  # which no header shows
        assert not checking.check_at_once(headers, pairs=4)[4]
        return
    assert headers.doubtful == (4,)
    with pytest.raises(InputError, match=r's4\.png'):
        checking.check_at_once(headers, pairs=4)


def test_what_is_read_later_is_decoded_as_it_is_stored(ten: Path) -> None:
    image, mask = pair_check(ten).decode(5)
    assert image.shape == (6, 8, 3)
    assert mask is not None
    assert mask[0].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize('value', [0, 255])
def test_a_sample_that_could_be_of_0_and_255_alone_settles_nothing(value: int, ten: Path) -> None:
    for index in range(10):
        Image.fromarray(np.full((6, 8), value, np.uint8)).save(ten / f'labels/train/s{index}.png')
    mask = np.zeros((6, 8), np.uint8)
    mask[0, 0] = 1
    Image.fromarray(mask).save(ten / 'labels/train/s4.png')  # the one that tells, not in the sample
    assert check(ten, pairs=4) == list(range(10))
    Image.fromarray(np.full((6, 8), 255, np.uint8)).save(ten / 'labels/train/s4.png')
    if value:
        assert message(ten).startswith(f'{ten / "labels/train"}: every pixel of every mask is ignored')
    else:
        assert message(ten).startswith(f'{ten / "labels/train"}: all masks hold only 0 and 255')


def test_palettes_that_may_disagree_are_all_decoded_at_once(ten: Path) -> None:
    (ten / 'dataset.yaml').write_text('classes: [background, cat, dog]')
    for index, palette in enumerate([[9, 9, 9, 5, 0, 0, 0, 7, 0]] * 9 + [[5, 0, 0, 9, 9, 9, 0, 7, 0]]):
        image = Image.fromarray(np.eye(6, 8, dtype=np.uint8) + (np.eye(6, 8, 1, dtype=np.uint8) * 2))
        image.putpalette(palette)
        image.save(ten / f'labels/train/s{(index + 5) % 10}.png')
    with pytest.raises(InputError, match=r's4\.png: its palette order differs from that of most masks'):
        check(ten, pairs=4)
    for index in range(10):
        Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(ten / f'labels/train/s{index}.png')
    image = Image.fromarray(1 - np.eye(6, 8, dtype=np.uint8))
    image.putpalette([9, 9, 9, 9, 9, 9])  # one colour for two classes: which is meant, only the values tell
    image.save(ten / 'labels/train/s4.png')
    assert check(ten, pairs=4) == list(range(10))


def test_warnings_say_how_much_was_looked_at(ten: Path) -> None:
    lines: list[str] = []
    for index in range(10):
        Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(ten / f'labels/train/s{index}.png')
    for index in (3, 5, 7):
        Image.fromarray(np.eye(6, 8, dtype=np.uint8) * 255).save(ten / f'labels/train/s{index}.png')
    checking = pair_check(ten, warn=lines.append)
    checking.check_at_once(checking.look_at_headers(), pairs=3)  # 0, 4 and 9; half of 9 is rounded to even
    assert lines == [f'{ten / "labels/train"}: no mask of the 3 checked so far shows dog']
    for index in (4, 5, 7):
        checking.decode(index)
    assert lines[1:] == [f'{ten / "labels/train/s5.png"}: holds only 0 and 255; {ABOUT_255}']  # once
    lines.clear()
    checking.check_at_once(checking.look_at_headers(), pairs=4)
    assert f'{ten / "labels/train"}: 1 of 4 masks checked so far hold only 0 and 255, such as s3.png' in lines[1]


@pytest.mark.parametrize('suffix', ['.jpg', '.bmp', '.tif', '.webp', '.png'])
def test_headers_count_the_pixels_of_every_format(suffix: str, make_data: MakeData) -> None:
    root = make_data(count=1)
    (root / 'img/train/s0.png').unlink()
    write_pairs(root, 1, suffix)
    headers = pair_check(root).look_at_headers()
    assert headers.pixels.tolist() == [48]
    assert headers.doubtful == (() if suffix in ('.jpg', '.png') else (0,))


def test_a_photograph_that_is_stored_lying_is_left_to_its_decoding(make_data: MakeData) -> None:
    root = make_data(count=1)
    (root / 'img/train/s0.png').unlink()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (6, 8)).save(root / 'img/train/s0.jpg', exif=exif)
    Image.new('L', (8, 6)).save(root / 'labels/train/s0.png')
    assert pair_check(root).look_at_headers().doubtful == ()
    assert pair_check(root).decode(0)[0].shape == (6, 8, 3)
    exif[0x0112] = 1
    Image.new('RGB', (6, 8)).save(root / 'img/train/s0.jpg', exif=exif)
    with pytest.raises(InputError, match='mask is 8×6 pixels'):
        pair_check(root).decode(0)
    Image.new('RGB', (6, 8)).save(root / 'img/train/s0.jpg')
    assert pair_check(root).look_at_headers().doubtful == (0,)
