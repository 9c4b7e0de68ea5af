from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.data.classes import Classes, default_palette
from mmseg_ext.errors import InputError

GOOD: dict[str, Any] = {'classes': ['sky', 'kite'], 'palette': [[0, 0, 0], [255, 128, 0]], 'ignore_index': 255}


def test_a_good_file_is_read_with_its_order(tmp_path: Path) -> None:
    (tmp_path / 'dataset.yaml').write_text(
        'classes: [sky, kite, воздух]\npalette: [[0, 0, 0], [255, 128, 0], [1, 2, 3]]\nignore_index: 9\n',
        encoding='utf-8',
    )
    expected = Classes(('sky', 'kite', 'воздух'), ((0, 0, 0), (255, 128, 0), (1, 2, 3)), 9)
    assert Classes.read(tmp_path) == expected
    assert Classes.read(str(tmp_path)) == expected


def test_a_set_need_not_state_colours_nor_have_a_background(tmp_path: Path) -> None:
    classes = Classes.from_mapping({'classes': ['sky', 'kite', 'tree'], 'background': None}, 'x')
    assert classes.palette == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert (classes.background, classes.own_palette, classes.object_classes) == (None, False, (0, 1, 2))
    assert len(set(map(tuple, default_palette(256)))) == 256
    classes.write(tmp_path)
    assert Classes.read(tmp_path) == classes
    assert Classes.from_mapping({**GOOD, 'background': 'sky'}, 'x') == Classes.from_mapping(GOOD, 'x')


def test_the_background_by_name() -> None:
    grey = [(9, 9, 9)] * 3
    classes = Classes(('road', 'none', 'car'), tuple(grey))
    assert [classes.find_background(name) for name in (None, 'car', 'none')] == [0, 2, 1]
    classes = Classes(('road', 'car'), tuple(grey[:2]), background=None)
    assert [classes.find_background(name) for name in (None, 'none', 'road')] == [None, None, 0]
    with pytest.raises(InputError, match=r'`background=cra`: must be none or one of the classes road'):
        classes.find_background('cra')


def test_colours_at_other_indices_are_found() -> None:
    classes = Classes.from_mapping({**GOOD, 'classes': ['sky', 'kite'], 'palette': [[0, 0, 0], [255, 128, 0]]}, 'x')
    black, orange, grey = (0, 0, 0), (255, 128, 0), (9, 9, 9)
    assert classes.misplaced_colours([0, 1], [orange, black]) == {0: 1, 1: 0}
    assert classes.misplaced_colours([0, 1], [black, orange]) == {}
    assert classes.misplaced_colours([0, 1], [black, grey]) == {}  # colours that mean nothing here
    assert classes.misplaced_colours([0, 2], [grey, grey, orange]) == {2: 1}
    assert classes.misplaced_colours([0, 7, 255], [black] * 256) == {}  # padded: black stands for "not used"
    assert classes.misplaced_colours([0, 255], [black, orange, *[grey] * 253, orange]) == {}  # ignored
    assert classes.misplaced_colours([0, 1], None) == {}
    with pytest.raises(InputError, match=r'a\.png: its palette holds the colours of dataset\.yaml in another order'):
        classes.check(np.array([[0, 1]], np.uint8), 'a.png', [orange, black])
    default = Classes.from_mapping({'classes': ['sky', 'kite']}, 'x')
    assert default.misplaced_colours([0, 1], [(128, 0, 0), black]) == {}


def test_the_ignored_value_is_255_unless_the_file_says_otherwise() -> None:
    assert Classes.from_mapping({k: GOOD[k] for k in ('classes', 'palette')}, 'x').ignore_index == 255


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        ({'classes': None}, 'classes'),
        ({'classes': []}, 'classes'),
        ({'classes': 'sky'}, 'classes'),
        ({'classes': ['sky', 1]}, 'classes'),
        ({'classes': ['sky', 'sky']}, 'twice'),
        ({'classes': ['sky', 'a\nb']}, r"single-line names, found 'a\nb'"),
        ({'classes': ['sky', 'a\x1b[31m']}, r'\x1b'),
        ({'classes': ['sky', 'a\u2028b']}, r'\u2028'),
        ({'palette': 'VOC'}, 'palette'),
        ({'background': 'kite'}, 'background'),
        ({'background': 0}, 'background'),
        ({'palette': [[0, 0, 0]]}, '2 colours'),
        ({'palette': [[0, 0, 0], [0, 0]]}, 'palette'),
        ({'palette': [[0, 0, 0], [0, 0, 256]]}, '256'),
        ({'palette': [[0, 0, 0], [0, 0, -1]]}, '-1'),
        ({'palette': [[0, 0, 0], [0, 0, 0.5]]}, '0.5'),
        ({'ignore_index': 1}, 'ignore_index'),  # it would hide a class
        ({'ignore_index': 256}, '256'),
        ({'ignore_index': '255'}, 'ignore_index'),
    ],
)
def test_a_wrong_field_is_named_in_one_line(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError) as caught:
        Classes.from_mapping({**GOOD, **change}, 'data/dataset.yaml')
    message = str(caught.value)
    assert message.startswith('data/dataset.yaml: ')
    assert named in message
    assert '\n' not in message


@pytest.mark.parametrize('ignore_index', [2, 255])
def test_the_ignored_value_may_lie_anywhere_above_the_classes(ignore_index: int) -> None:
    assert Classes.from_mapping({**GOOD, 'ignore_index': ignore_index}, 'x').ignore_index == ignore_index


@pytest.mark.parametrize('content', [b'', b'- a\n- b\n', b'classes: [a\n', b'\xff\xfe\x00', b'a: b: c\n'])
def test_a_file_that_is_no_mapping_or_no_yaml_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'dataset.yaml').write_bytes(content)
    with pytest.raises(InputError) as caught:
        Classes.read(tmp_path)
    message = str(caught.value)
    assert message.startswith(f'{tmp_path / "dataset.yaml"}: ')
    assert '\n' not in message


def test_a_missing_file_says_what_it_is_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'dataset\.yaml: not found; it must list the classes'):
        Classes.read(tmp_path)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    classes = Classes(('небо', 'a: b', 'no'), ((0, 0, 0), (255, 128, 0), (1, 2, 3)), 9)
    classes.write(tmp_path)
    assert Classes.read(tmp_path) == classes


def test_values_of_a_mask_are_counted_and_unknown_ones_refused(tmp_path: Path) -> None:
    classes = Classes(('a', 'b', 'c'), ((0, 0, 0),) * 3)
    good, bad = np.array([[0, 1, 1], [2, 255, 255]], np.uint8), np.array([[0, 7, 9]], np.uint8)
    assert classes.count_pixels(good).tolist() == [1, 2, 1]
    classes.check(good, 'good.png')
    assert classes.unknown_values(bad) == [7, 9]
    with pytest.raises(InputError, match=r'b\.png: holds class id 7, 9, known: 0 a, 1 b, 2 c and 255 \(ignored\)'):
        classes.check(bad, tmp_path / 'b.png')
