from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path, check_result_folder, claim_folder, read_json, write_json, write_text


def test_the_new_content_appears_only_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / 'new' / 'folder' / 'metrics.json'
    with atomic_path(target) as temporary:
        temporary.write_text('new')
        assert temporary.parent == target.parent  # the same file system: the rename is atomic
        assert temporary.suffix == '.json'
        assert not target.exists()
    assert target.read_text() == 'new'
    assert list(target.parent.iterdir()) == [target]


def test_an_exception_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    target = tmp_path / 'a.txt'
    target.write_text('old')

    def write_half() -> None:
        with atomic_path(target) as temporary:
            temporary.write_text('half')
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert target.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [target]


def test_the_callers_input_error_passes_unchanged(tmp_path: Path) -> None:
    error = InputError('x.png: too small; redraw it')
    with pytest.raises(InputError) as caught, atomic_path(tmp_path / 'a.txt'):
        raise error
    assert caught.value is error


def test_a_full_disk_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    target = tmp_path / 'a.txt'
    with pytest.raises(InputError) as caught, atomic_path(target):
        raise OSError(28, 'No space left on device')
    message = str(caught.value)
    assert str(target) in message
    assert 'No space left on device' in message
    assert '\n' not in message
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / 'out').write_text('a file')
    with pytest.raises(InputError, match='cannot be written'):
        write_text(tmp_path / 'out' / 'a.txt', 'x')


@pytest.mark.skipif(os.name == 'nt', reason='POSIX permissions')
@pytest.mark.parametrize(('umask', 'mode'), [(0o022, 0o644), (0o077, 0o600)])
def test_the_file_is_as_readable_as_the_umask_allows(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / 'a.txt', 'x')
        assert os.umask(umask) == umask  # reading the umask has not changed it
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / 'a.txt').stat().st_mode) == mode


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / 'a.txt', 'Katze – кот\n')
    assert (tmp_path / 'a.txt').read_bytes() == 'Katze – кот\n'.encode()


def test_json_round_trip(tmp_path: Path) -> None:
    value = {'mDice': 88.5, 'classes': ['кот', 'dog'], 'missing': None}
    write_json(tmp_path / 'a.json', value)
    text = (tmp_path / 'a.json').read_text(encoding='utf-8')
    assert json.loads(text) == value
    assert 'кот' in text
    assert text.endswith('}\n')


def test_nan_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    write_json(tmp_path / 'a.json', 1)
    with pytest.raises(ValueError, match='JSON'):
        write_json(tmp_path / 'a.json', float('nan'))
    assert (tmp_path / 'a.json').read_text() == '1\n'


def test_a_result_folder_takes_nothing_but_results(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    check_result_folder(out, {'a', 'b'})
    out.mkdir()
    check_result_folder(out, {'a', 'b'})
    (out / 'a').touch()
    with pytest.raises(InputError, match='earlier result'):
        check_result_folder(out, {'a', 'b'})
    check_result_folder(out, {'a', 'b'}, overwrite=True)
    (out / 'c').touch()
    with pytest.raises(InputError, match=r'other files \(c\)'):
        check_result_folder(out, {'a', 'b'}, overwrite=True)
    with pytest.raises(InputError, match='is a file'):
        check_result_folder(out / 'c', {'c'}, overwrite=True)


def test_json_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    write_json(tmp_path / 'a.json', {'a': [1, None]})
    assert read_json(tmp_path / 'a.json') == {'a': [1, None]}
    (tmp_path / 'b.json').write_text('{')
    for name in ('b.json', 'c.json'):
        with pytest.raises(InputError, match=f'{name}: cannot be read as JSON'):
            read_json(tmp_path / name)


def test_a_folder_is_claimed_once_and_taken_up_again(tmp_path: Path) -> None:
    out = tmp_path / 'new' / 'folder'
    claim_folder(out, {'sides': (1, 2)}, 'ranking')
    (out / 'half of the work').touch()
    claim_folder(out, {'sides': (1, 2)}, 'ranking')  # a tuple comes back from JSON as a list
    with pytest.raises(InputError, match=r'holds a ranking with other settings \(see settings.json\)'):
        claim_folder(out, {'sides': (1, 3)}, 'ranking')
    assert json.loads((out / 'settings.json').read_text()) == {'sides': [1, 2]}
    foreign = tmp_path / 'foreign'
    foreign.mkdir()
    claim_folder(foreign, {}, 'search')  # empty: nothing is lost
    (tmp_path / 'theirs').mkdir()
    (tmp_path / 'theirs' / 'notes.txt').touch()
    with pytest.raises(InputError, match='is not empty and holds no search'):
        claim_folder(tmp_path / 'theirs', {}, 'search')
    with pytest.raises(InputError, match='is a file'):
        claim_folder(tmp_path / 'theirs' / 'notes.txt', {}, 'search')
