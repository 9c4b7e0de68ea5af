from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.errors import InputError, NotWritableError
from mmseg_ext.files import (
    atomic_path,
    check_result_folder,
    claim_folder,
    make_folder,
    recorded_names,
    refuse_existing,
    staged_files,
    staged_folder,
    staged_result,
    write_json,
    write_text,
    written_names,
)


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
    error = InputError('x.png', 'too small', 'redraw it')
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
    with pytest.raises(InputError, match=r'holds files but no record\.json; choose another `to`'):
        check_result_folder(out, {'a', 'c'}, overwrite=True, record='record.json', argument='to')


def test_a_record_lists_what_a_result_folder_holds_two_levels_deep(tmp_path: Path) -> None:
    for name in ('img/train/a.png', 'lists/b.txt', 'c.yaml'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    write_json(tmp_path / 'record.json', {'files': written_names(tmp_path)})
    assert recorded_names(tmp_path / 'record.json') == {'img/train', 'lists/b.txt', 'c.yaml'}
    names = {'record.json', *recorded_names(tmp_path / 'record.json')}
    check_result_folder(tmp_path, names, overwrite=True, record='record.json')
    (tmp_path / 'img/val').mkdir()
    (tmp_path / 'lists/own.txt').touch()
    with pytest.raises(InputError, match=r'other files \(img/val, lists/own\.txt\); move them'):
        check_result_folder(tmp_path, names, overwrite=True, record='record.json')
    assert recorded_names(tmp_path / 'none.json') == set()


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
    with pytest.raises(InputError, match='is not empty and does not hold a search'):
        claim_folder(tmp_path / 'theirs', {}, 'search')
    with pytest.raises(InputError, match='is a file'):
        claim_folder(tmp_path / 'theirs' / 'notes.txt', {}, 'search')


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('is_new', [True, False])
def test_a_staged_folder_replaces_the_old_one_when_the_block_ends(is_new: bool, tmp_path: Path) -> None:
    target = tmp_path / 'parent' / 'set'
    if not is_new:
        write_text(target / 'old.txt', 'old')
    before = contents(tmp_path)
    with staged_folder(target) as folder:
        (folder / 'split').mkdir()
        (folder / 'split' / 'new.txt').write_text('new')
        assert folder.is_relative_to(target.parent)  # the same file system: the rename is atomic
        assert {name: text for name, text in contents(tmp_path).items() if 'new.txt' not in name} == before
    assert contents(tmp_path) == {'parent/set/split/new.txt': 'new'}
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize('error', [ZeroDivisionError(), KeyboardInterrupt(), InputError('a.png', 'is damaged')])
@pytest.mark.parametrize('is_new', [True, False])
def test_a_failure_keeps_the_old_folder(is_new: bool, error: BaseException, tmp_path: Path) -> None:
    target = tmp_path / 'set'
    if not is_new:
        write_text(target / 'old.txt', 'old')

    def fail() -> None:
        with staged_folder(target) as folder:
            (folder / 'half.txt').write_text('half')
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert contents(tmp_path) == ({} if is_new else {'set/old.txt': 'old'})
    assert list(tmp_path.iterdir()) == ([] if is_new else [target])


def test_a_folder_that_cannot_be_moved_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / 'set'
    write_text(target / 'old.txt', 'old')
    rename = Path.rename

    def refuse_new(self: Path, new: Path) -> Path:
        if self.name == 'new':
            raise OSError(28, 'No space left on device')
        return rename(self, new)

    monkeypatch.setattr(Path, 'rename', refuse_new)
    with pytest.raises(InputError, match=r'set: cannot be written \(No space left'), staged_folder(target):
        pass
    assert contents(tmp_path) == {'set/old.txt': 'old'}
    assert list(tmp_path.iterdir()) == [target]


def test_a_staged_folder_below_a_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / 'out').write_text('a file')
    with pytest.raises(InputError, match='out/set: cannot be written'), staged_folder(tmp_path / 'out' / 'set'):
        pass


def test_processes_share_a_folder_that_its_owner_moves(tmp_path: Path) -> None:
    target = tmp_path / 'set'
    write_text(tmp_path / '.set.partial' / 'new' / 'a.txt', 'left by a killed run')
    with staged_folder(target, shared=True) as owner:
        assert not any(owner.iterdir())
        with staged_folder(target, shared=True, is_owner=False) as other:
            assert other == owner
            (other / 'b.txt').write_text('b')
        assert contents(owner) == {'b.txt': 'b'}  # the other process has neither moved nor removed it
        assert not target.exists()
    assert contents(tmp_path) == {'set/b.txt': 'b'}
    assert list(tmp_path.iterdir()) == [target]


def test_the_failure_of_another_process_leaves_the_folder_to_its_owner(tmp_path: Path) -> None:
    def fail() -> None:
        with staged_folder(tmp_path / 'set', shared=True, is_owner=False):
            raise ZeroDivisionError

    with staged_folder(tmp_path / 'set', shared=True) as folder:
        with pytest.raises(ZeroDivisionError):
            fail()
        (folder / 'a.txt').write_text('a')
    assert contents(tmp_path) == {'set/a.txt': 'a'}


def test_a_folder_that_is_not_shared_has_one_owner(tmp_path: Path) -> None:
    with staged_folder(tmp_path / 'set', is_owner=False) as folder:
        (folder / 'a.txt').write_text('a')
    assert contents(tmp_path) == {'set/a.txt': 'a'}


@pytest.mark.skipif(os.name == 'nt', reason='POSIX permissions')
@pytest.mark.parametrize(('umask', 'mode'), [(0o022, 0o755), (0o077, 0o700)])
def test_a_staged_folder_is_as_readable_as_the_umask_allows(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        with staged_folder(tmp_path / 'set') as folder:
            (folder / 'split').mkdir()
        with staged_files(tmp_path / 'files') as stage:
            write_text(stage / 'split' / 'a.txt', 'a')
    finally:
        os.umask(before)
    for name in ('set', 'set/split', 'files', 'files/split'):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode, name
    assert stat.S_IMODE((tmp_path / 'files/split/a.txt').stat().st_mode) == mode & 0o666


@pytest.mark.parametrize('kind', ['renamed', 'current', 'linked', 'mounted'])
@pytest.mark.parametrize('fails', [False, True])
def test_a_folder_is_replaced_as_a_unit_where_it_stands(
    kind: str, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / 'out'
    write_text(place / 'a' / 'b.txt', 'old')
    write_text(place / 'c.txt', 'old')
    target = place
    if kind == 'linked':
        target = tmp_path / 'link'
        target.symlink_to(place)
    elif kind == 'current':
        monkeypatch.chdir(place)
        target = Path()
    elif kind == 'mounted':
        monkeypatch.setattr(Path, 'is_mount', lambda path: path == place)
    if fails:
        rename = Path.rename

        def full(self: Path, new: Path) -> Path:
            if 'new' in (self.name, self.parent.name):
                raise OSError(28, 'No space left on device')
            return rename(self, new)

        monkeypatch.setattr(Path, 'rename', full)
    number = place.stat().st_ino
    with pytest.raises(InputError, match='No space left') if fails else nullcontext(), staged_folder(target) as stage:
        write_text(stage / 'a' / 'd.txt', 'new')
        assert contents(place / 'a') == {'b.txt': 'old'}
    assert contents(place) == ({'a/b.txt': 'old', 'c.txt': 'old'} if fails else {'a/d.txt': 'new'})
    assert {path.name for path in (*tmp_path.iterdir(), *place.iterdir())} <= {'out', 'link', 'a', 'c.txt'}
    assert target.is_symlink() == (kind == 'linked')
    if kind in ('current', 'mounted'):
        assert place.stat().st_ino == number


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='POSIX')
@pytest.mark.parametrize('moment', ['writing', 'moving', 'other kind'])
def test_what_a_killed_process_left_is_cleared_up(moment: str, tmp_path: Path) -> None:
    target = tmp_path / 'set'
    write_text(target / 'a.txt', 'old')
    child = os.fork()
    if child == 0:
        with (staged_files if moment == 'other kind' else staged_folder)(target) as stage:
            (stage / 'a.txt').write_text('new')
            if moment == 'moving':
                rename = Path.rename
                Path.rename = lambda self, to: os._exit(9) if self.name == 'new' else rename(self, to)  # type: ignore
            else:
                os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert target.exists() == (moment != 'moving')
    with staged_folder(target) as living:
        write_text(living / 'a.txt', 'newer')
        expected = 'new' if moment == 'moving' else 'old'  # it was whole, and takes its place
        with suppress(ZeroDivisionError), (staged_files if moment == 'other kind' else staged_folder)(target):
            assert (target / 'a.txt').read_text() == expected
            raise ZeroDivisionError
        assert living.is_dir()  # of a process that lives
    assert contents(tmp_path) == {'set/a.txt': 'newer'}
    assert list(tmp_path.iterdir()) == [target]


OPERATIONS = 'open', 'os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'os.truncate', 'os.chmod'


def kill_at(number: int, action: Callable[[], object]) -> bool:
    """Run an action in a process that ends at its operation on files of this number; return whether it came to it."""
    child = os.fork()
    if child == 0:
        left = number

        def end(event: str, _: tuple[object, ...]) -> None:
            nonlocal left
            left -= event in OPERATIONS
            if left == 0:
                os._exit(9)

        sys.addaudithook(end)
        action()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='POSIX')
@pytest.mark.parametrize('kind', ['renamed', 'stays', 'shared'])
def test_a_kill_at_any_operation_leaves_a_whole_result_or_one_that_the_next_call_completes(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / 'out'
    if kind == 'stays':
        monkeypatch.setattr(Path, 'is_mount', lambda path: path == target)

    def replace(content: str) -> None:
        with staged_folder(target, shared=kind == 'shared') as stage:
            for name in ('a.txt', 'b/c.txt'):
                write_text(stage / name, content)
            (stage / content).mkdir()

    def begin() -> None:
        with staged_folder(target, shared=kind == 'shared'):
            raise ZeroDivisionError

    number = 0
    whole = [{'a.txt': word, 'b/c.txt': word} for word in ('old', 'new')]
    while True:
        number += 1
        replace('old')
        if not kill_at(number, lambda: replace('new')):
            break
        if target.exists() and kind != 'stays':
            assert contents(target) in whole, number
        with suppress(ZeroDivisionError):
            begin()
        assert contents(tmp_path) in [{f'out/{name}': text for name, text in one.items()} for one in whole], number
        assert not list(tmp_path.rglob('.*')), number
        assert {path.name for path in target.iterdir()} in ({'a.txt', 'b', 'old'}, {'a.txt', 'b', 'new'}), number
    assert number > 20


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='POSIX')
def test_what_a_killed_process_left_of_a_file_is_used_by_the_next(tmp_path: Path) -> None:
    target = tmp_path / 'a.txt'
    number = 1
    while kill_at(number, lambda: write_text(target, 'first')):
        write_text(target, 'second')
        assert contents(tmp_path) == {'a.txt': 'second'}
        target.unlink()
        number += 1
    assert number > 3
    with atomic_path(target) as one, atomic_path(target) as other:  # of two that live
        assert one != other
        one.write_text('one')
        other.write_text('other')
    assert contents(tmp_path) == {'a.txt': 'one'}
    victim = tmp_path / 'victim'
    victim.write_text('theirs')
    (tmp_path / '.a-tempfile.txt').hardlink_to(victim)
    write_text(target, 'safe')
    assert (victim.read_text(), target.read_text()) == ('theirs', 'safe')


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='POSIX')
def test_a_folder_can_be_claimed_after_a_kill_at_any_operation(tmp_path: Path) -> None:
    number = 1
    out = tmp_path / 'out'
    while kill_at(number, lambda: claim_folder(out, {'seed': 0}, 'ranking')):
        claim_folder(out, {'seed': 0}, 'ranking')
        assert [path.name for path in out.iterdir()] == ['settings.json']
        (out / '.errors-abcdefgh').mkdir()  # of a killed process, whose result is in its place
        claim_folder(out, {'seed': 0}, 'ranking')
        assert [path.name for path in out.iterdir()] == ['settings.json']
        (out / 'settings.json').unlink()
        out.rmdir()
        number += 1
    assert number > 3


def test_a_result_keeps_other_files_and_else_is_replaced_as_a_unit(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    for expected in ({'a.txt': '0'}, {'a.txt': '1'}, {'a.txt': '2', 'mine.txt': 'm'}):
        number = out.stat().st_ino if out.exists() else 0
        with staged_result(out, {'a.txt', 'b.txt'}) as stage:
            (stage / 'a.txt').write_text(expected['a.txt'])
        assert contents(out) == expected
        assert (out.stat().st_ino == number) == ('mine.txt' in expected)
        if expected['a.txt'] == '1':
            (out / 'mine.txt').write_text('m')


def test_what_a_killed_process_left_in_a_result_folder_is_no_other_file(tmp_path: Path) -> None:
    (tmp_path / '.part-x').mkdir()
    check_result_folder(tmp_path, {'a.txt'})


def test_staged_files_join_those_that_are_there(tmp_path: Path) -> None:
    target = tmp_path / 'out'
    write_text(target / 'split' / 'a.txt', 'old a')
    write_text(target / 'split' / 'b.txt', 'old b')
    with staged_files(target) as stage:
        write_text(stage / 'split' / 'a.txt', 'new a')
        write_text(stage / 'c.txt', 'new c')
        assert (target / 'split' / 'a.txt').read_text() == 'old a'
    assert contents(target) == {'split/a.txt': 'new a', 'split/b.txt': 'old b', 'c.txt': 'new c'}


@pytest.mark.parametrize('is_new', [True, False])
def test_a_failure_moves_no_file(is_new: bool, tmp_path: Path) -> None:
    target = tmp_path / 'out'
    if not is_new:
        write_text(target / 'a.txt', 'old')

    def fail() -> None:
        with staged_files(target) as stage:
            (stage / 'a.txt').write_text('new')
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert contents(tmp_path) == ({} if is_new else {'out/a.txt': 'old'})
    assert target.exists() != is_new


@pytest.mark.parametrize('staged', [staged_files, staged_folder])
def test_an_error_names_a_file_as_it_will_be_called(staged: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught, staged(tmp_path / 'out') as stage:
        raise InputError(stage / 'a' / 'b.txt', 'cannot be written', 'free space', exit_code=1)
    assert caught.value.subject == str(tmp_path / 'out' / 'a' / 'b.txt')
    assert caught.value.exit_code == 1


@pytest.mark.parametrize('staged', [staged_files, staged_folder, atomic_path])
@pytest.mark.parametrize('is_there', [False, True])
def test_a_file_that_cannot_be_read_is_named_instead_of_the_target(staged: Any, is_there: bool, tmp_path: Path) -> None:
    source, target = tmp_path / 'mask.png', tmp_path / 'out'
    reason = 'Permission denied' if is_there else 'No such file or directory'
    if is_there:
        source.touch()

    def copy(stage: Path) -> None:
        if is_there:  # as root may read everything
            raise PermissionError(errno.EACCES, reason, str(source))
        shutil.copyfile(source, stage / source.name if stage.is_dir() else stage)

    with pytest.raises(InputError) as caught, staged(target) as stage:
        copy(stage)
    assert str(caught.value) == f'{source}: cannot be read ({reason}); repair or remove it'
    assert type(caught.value) is InputError  # which costs only this file
    assert contents(tmp_path) == ({'mask.png': ''} if is_there else {})


@pytest.mark.parametrize('staged', [staged_files, staged_folder, atomic_path])
@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EIO])
def test_a_copy_that_cannot_be_written_names_the_target(staged: Any, number: int, tmp_path: Path) -> None:
    other = 'mask.png' if number == errno.EIO else None  # copyfile names both, or the first alone
    with pytest.raises(NotWritableError) as caught, staged(tmp_path / 'out'):
        raise OSError(number, 'reason', str(tmp_path / 'mask.png'), None, other)
    with pytest.raises(NotWritableError), staged(tmp_path / 'out') as stage:
        raise PermissionError(errno.EACCES, 'Permission denied', str(stage))
    assert str(caught.value) == (
        f'{tmp_path / "out"}: cannot be written (reason); free up space or choose another folder'
    )


def test_a_full_disk_while_files_are_staged_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'out: cannot be written \(No space left'), staged_files(tmp_path / 'out'):
        raise OSError(28, 'No space left on device')
    assert list(tmp_path.iterdir()) == []


def test_existing_files_are_refused_unless_they_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / 'a.txt').touch()
    refuse_existing([tmp_path / 'b.txt'], overwrite=False)
    refuse_existing([tmp_path / 'a.txt'], overwrite=True)
    with pytest.raises(InputError, match=r'a\.txt: exists; replace it with `overwrite=True`'):
        refuse_existing([tmp_path / 'b.txt', tmp_path / 'a.txt'], overwrite=False)
    with pytest.raises(InputError, match=r'or choose another `json`'):
        refuse_existing([tmp_path / 'a.txt'], overwrite=False, argument='json')


@pytest.mark.parametrize('overwrite', [False, True])
def test_names_that_cannot_become_files_are_refused(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / 'file').touch()
    for name in ('file/new.json', 'file/deep/new.json'):
        with pytest.raises(InputError, match=r'file: is a file; choose another `out`'):
            refuse_existing([tmp_path / name], overwrite)
    with pytest.raises(InputError, match=r'is a folder; choose another `json`'):
        refuse_existing([tmp_path], overwrite, 'json')
    with pytest.raises(InputError, match='`json=-`: is not the name of a file'):
        refuse_existing([Path('-')], overwrite, 'json')
    refuse_existing([tmp_path / 'no' / 'such' / 'folder.json'], overwrite)


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    assert make_folder(make_folder(tmp_path / 'a' / 'b')) == tmp_path / 'a' / 'b'
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file: folder cannot be created'):
        make_folder(tmp_path / 'file')
