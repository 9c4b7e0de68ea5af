from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from grey_png import write_grey_png
from PIL import Image

from mmseg_ext.data import Classes, read_mask, write_mask
from mmseg_ext.data.remapping import OUTSIDE, Remapping, make_remapping
from mmseg_ext.errors import InputError

RED, BLUE = (220, 60, 60), (60, 100, 230)
CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), RED, BLUE))
MASK = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)


def convert(remapping: Remapping, path: Path) -> list[list[int]]:
    mask = remapping.apply(remapping.read(path))
    assert mask.dtype == np.uint8
    return mask.tolist()


@pytest.mark.parametrize('suffix', ['png', 'tif', 'bmp', 'gif'])
def test_values_by_a_table_of_ids_and_names(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f'a.{suffix}'
    Image.fromarray(np.array([[0, 1, 255], [3, 1, 0]], np.uint8)).save(path)
    remapping = make_remapping(CLASSES, ['0=dog', '1=0', '3=ignored', '255=1'])
    if suffix == 'gif':  # Pillow makes a palette of what is in use
        path.unlink()
        image = Image.fromarray(np.array([[0, 1, 255], [3, 1, 0]], np.uint8))
        image.putpalette(bytes(range(256)) * 3)
        image.save(path, optimize=False)
    assert convert(remapping, path) == [[2, 0, 1], [255, 0, 2]]


def test_ranges_take_smoothed_and_lossy_masks(tmp_path: Path) -> None:
    smooth = np.full((8, 8), 3, np.uint8)
    smooth[:, 4:], smooth[:, 3] = 250, 140
    remapping = make_remapping(CLASSES, ['0-127=0', '128-255=cat', '255=dog'])
    for name in ('a.png', 'a.jpg'):
        Image.fromarray(smooth).save(tmp_path / name, quality=95)
        assert convert(remapping, tmp_path / name) == [[0, 0, 0, 1, 1, 1, 1, 1]] * 8
    keys = [remapping.entry_of(value) for value in (0, 127, 128, 254, 255, 256)]
    assert [remapping.name(key) for key in keys] == ['0-127', '0-127', '128-255', '128-255', '255', '256']
    assert [remapping.target(key) for key in keys] == [0, 0, 1, 1, 2, None]


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'P'])
def test_a_mask_in_the_alpha_channel(mode: str, tmp_path: Path) -> None:
    alpha = np.array([[0, 255], [255, 0]], np.uint8)
    if mode == 'P':
        Image.fromarray(1 - alpha // 255).convert('P').save(tmp_path / 'a.png', transparency=1)
    else:
        grey = np.full((2, 2), 90, np.uint8)
        Image.fromarray(np.dstack([grey] * (len(mode) - 1) + [alpha]), mode).save(tmp_path / 'a.png')
    remapping = make_remapping(CLASSES, ['0=0', '255=1'], alpha=True)
    assert convert(remapping, tmp_path / 'a.png') == [[0, 1], [1, 0]]
    Image.fromarray(alpha).save(tmp_path / 'b.png')
    with pytest.raises(InputError, match='has no alpha channel'):
        remapping.read(tmp_path / 'b.png')


@pytest.mark.parametrize('bits', [1, 2, 4, 8])
def test_grey_files_of_few_bits_are_read_as_their_values(bits: int, tmp_path: Path) -> None:
    values = np.arange(12).reshape(3, 4) % 2**bits
    write_grey_png(tmp_path / 'a.png', values, bits)
    np.testing.assert_array_equal(read_mask(tmp_path / 'a.png'), values)
    np.testing.assert_array_equal(Remapping({}).read(tmp_path / 'a.png'), values)


def test_16_bits(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 1000], [65535, 1000]], np.uint16)).save(tmp_path / 'a.png')
    assert convert(make_remapping(CLASSES, ['0=0', '1000=cat', '65535=255']), tmp_path / 'a.png') == [[0, 1], [255, 1]]


def test_colours(tmp_path: Path) -> None:
    colours = np.array([(*CLASSES.palette,), (BLUE, (255, 255, 255), RED)], np.uint8)
    Image.fromarray(colours).save(tmp_path / 'a.png')
    remapping = make_remapping(CLASSES, ['#ffffff=ignored'], by_colour=True)
    assert convert(remapping, tmp_path / 'a.png') == [[0, 1, 2], [2, 255, 1]]
    assert convert(make_remapping(CLASSES, ['255,255,255=cat'], by_colour=True), tmp_path / 'a.png')[1] == [2, 1, 1]
    Image.fromarray(colours).convert('RGBA').save(tmp_path / 'b.tif')
    assert convert(remapping, tmp_path / 'b.tif') == [[0, 1, 2], [2, 255, 1]]
    with pytest.raises(InputError, match=r'holds colours \(mode RGB\); map them with `by_colour=True`'):
        make_remapping(CLASSES, ['0=0']).read(tmp_path / 'a.png')


def test_palettes_in_another_order_keep_the_ignored_value(tmp_path: Path) -> None:
    colours = np.array(CLASSES.palette, np.uint8)[MASK]
    Image.fromarray(colours).quantize(3, dither=Image.Dither.NONE).save(tmp_path / 'a.png')
    remapping = make_remapping(CLASSES, by_colour=True)
    assert convert(remapping, tmp_path / 'a.png') == MASK.tolist()
    ours = np.array([[0, 1, 255, 2]], np.uint8)  # padded with black, the colour of the background
    write_mask(tmp_path / 'b.png', ours, CLASSES.palette)
    assert convert(remapping, tmp_path / 'b.png') == ours.tolist()
    image = Image.fromarray(np.array([[0, 255]], np.uint8))
    image.putpalette([9, 9, 9] * 255 + [*RED])  # 255 has a colour of its own, that of a class
    image.save(tmp_path / 'c.png')
    assert [remapping.target(key) for key in remapping.read(tmp_path / 'c.png')[0].tolist()] == [None, 1]
    assert remapping.target(OUTSIDE) is None


def test_classes_by_name_and_merged(tmp_path: Path) -> None:
    old = Classes(('dog', 'Zoe\u0308', 'cat', 'background'), (RED,) * 4, ignore_index=9)
    new = Classes(('background', 'animal', 'Zo\u00eb'), ((0, 0, 0), RED, BLUE))  # composed
    remapping = make_remapping(new, ['dog=animal', 'cat=animal'], old=old)
    assert remapping.apply(np.array([[0, 1, 2, 3, 9]])).tolist() == [[1, 2, 1, 0, 255]]


def test_zero_is_unlabelled() -> None:
    remapping = make_remapping(CLASSES, reduce_zero_label=True)
    assert remapping.apply(np.array([[0, 1, 2, 3, 255]])).tolist() == [[255, 0, 1, 2, 255]]
    assert remapping.target(4) is None


def test_what_nothing_names_stays_only_on_request() -> None:
    assert make_remapping(CLASSES, ['7=0']).target(1) is None
    kept = make_remapping(CLASSES, ['7=0'], keep_others=True)
    assert [kept.target(value) for value in (7, 1, 255, 3)] == [0, 1, 255, None]


@pytest.mark.parametrize(
    ('pairs', 'by_colour', 'problem'),
    [
        ([], False, 'are not mapped'),
        (['255'], False, 'must be FROM=TO'),
        (['255=3'], False, 'is not a class'),
        (['255=bird'], False, 'is not one of the classes'),
        (['bird=1'], False, 'is not one of the classes'),
        (['1=0', 'cat=1'], False, 'is mapped twice'),
        (['0-9=0', '9-12=1'], False, 'values of 9-12 are mapped twice'),
        (['9-0=0'], False, 'is not a range'),
        (['300,0,0=1'], True, 'is not a colour'),
    ],
)
def test_wrong_tables_are_one_line(pairs: list[str], by_colour: bool, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        make_remapping(CLASSES, pairs, by_colour=by_colour)
    assert '\n' not in str(caught.value)
    named = Classes(('ignored', 'cat'), ((0, 0, 0), RED), background=None)
    with pytest.raises(InputError, match='is a class and also means ignored pixels; write 0 or 255'):
        make_remapping(named, ['7=ignored'])


def test_three_equal_channels_are_values(tmp_path: Path) -> None:
    grey = np.array([[0, 1], [1, 0]], np.uint8)
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / 'a.png')
    assert convert(make_remapping(CLASSES, ['0=1', '1=0']), tmp_path / 'a.png') == [[1, 0], [0, 1]]
    with pytest.raises(InputError, match=r'the same values in three channels.*--map'):
        read_mask(tmp_path / 'a.png')
    Image.new('RGB', (1, 1), (1, 1, 2)).save(tmp_path / 'b.png')
    with pytest.raises(InputError, match='holds colours'):
        make_remapping(CLASSES, ['0=1']).read(tmp_path / 'b.png')


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    Image.fromarray(MASK).save(tmp_path / 'a.jpg')
    Image.fromarray(MASK).save(tmp_path / 'grey.png')
    Image.fromarray(np.full((2, 2), 0.5, np.float32)).save(tmp_path / 'half.tif')
    Image.new('RGBA', (2, 2), (0, 0, 0, 7)).save(tmp_path / 'clear.png')
    values, colours = make_remapping(CLASSES, ['0=0']), make_remapping(CLASSES, by_colour=True)
    for remapping, name, problem in (
        (values, 'a.jpg', 'lossy'), (colours, 'grey.png', 'neither colours nor a palette'),
        (values, 'half.tif', 'not whole'), (colours, 'clear.png', 'transparent'),
    ):  # fmt: skip
        with pytest.raises(InputError, match=problem):
            remapping.read(tmp_path / name)


@pytest.mark.parametrize(
    ('number', 'written'), [(-9999, '-9999'), (-3, '-3'), (-2, '-2'), (np.inf, 'inf'), (2.0**31, '2147483648')]
)
def test_numbers_that_are_no_values_are_refused(number: float, written: str, tmp_path: Path) -> None:
    kind = np.int32 if -9999 <= number < 0 else np.float32
    Image.fromarray(np.array([[0, number]], kind)).save(tmp_path / 'a.tif')
    with pytest.raises(InputError, match=rf'a.tif: holds the value {written}, which is not between 0 and 2147483647; '):
        make_remapping(CLASSES, ['0=0', '1-255=1']).read(tmp_path / 'a.tif')
    Image.fromarray(np.array([[0, 2**31 - 1]], np.int32)).save(tmp_path / 'b.tif')
    assert convert(make_remapping(CLASSES, ['0=0', f'{2**31 - 1}=1']), tmp_path / 'b.tif') == [[0, 1]]
