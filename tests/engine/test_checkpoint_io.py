from __future__ import annotations

import errno
import os
import resource
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint

import mmseg_ext.engine  # noqa: F401 - the import closes mmengine's loaders
from mmseg_ext.engine.checkpoint_io import (
    checkpoints_newest_first,
    last_checkpoint,
    load_checkpoint_file,
    remove_leftovers,
    save_checkpoint_file,
    to_plain,
)
from mmseg_ext.errors import InputError


class Payload:
    """Unpickled without restrictions, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint with a payload, and the folder that the payload would make."""
    trace, path = tmp_path / 'trace', tmp_path / 'foreign.pth'
    torch.save({'state_dict': {'weight': torch.zeros(1)}, 'meta': Payload(trace)}, path)
    return path, trace


def test_the_payload_works_where_nothing_stops_it(foreign: tuple[Path, Path]) -> None:
    torch.load(foreign[0], weights_only=False)
    assert foreign[1].is_dir()


def test_a_pickle_with_code_is_refused_and_not_run(foreign: tuple[Path, Path]) -> None:
    path, trace = foreign
    with pytest.raises(InputError, match='pickled objects, which could run code') as caught:
        load_checkpoint_file(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
    assert not trace.exists()


def _open_loader(path: Path) -> None:
    with path.open('rb') as stream:
        mmengine_checkpoint._safe_torch_load(stream)


@pytest.mark.parametrize(
    'load',
    [
        lambda path: CheckpointLoader.load_checkpoint(str(path)),
        lambda path: mmengine_checkpoint.load_checkpoint(torch.nn.Linear(1, 1), str(path)),
        lambda path: mmengine_checkpoint._safe_torch_load(str(path), weights_only=False),
        lambda path: BaseModule(init_cfg={'type': 'Pretrained', 'checkpoint': str(path)}).init_weights(),
        _open_loader,
    ],
    ids=['loader', 'model', 'weights_only_false', 'init_cfg', 'file_object'],
)
def test_no_way_into_mmengine_runs_the_code(load: Callable[[Path], Any], foreign: tuple[Path, Path]) -> None:
    path, trace = foreign
    with pytest.raises(InputError, match='could run code'):
        load(path)
    assert not trace.exists()


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server of the temporary folder, and a cache of its own for what is downloaded."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '*')
    with ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http://127.0.0.1:{server.server_address[1]}'
        server.shutdown()


def test_a_downloaded_pickle_does_not_run_either(foreign: tuple[Path, Path], address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='could run code') as caught:
        CheckpointLoader.load_checkpoint(f'{address}/foreign.pth')
    assert address in str(caught.value)
    assert not foreign[1].exists()
    with pytest.raises(InputError, match='404'):
        CheckpointLoader.load_checkpoint(f'{address}/none.pth')
    save_checkpoint_file({'value': 1}, tmp_path / 'good.pth')
    assert CheckpointLoader.load_checkpoint(f'{address}/good.pth') == {'value': 1}


def test_getattr_which_mmengine_allows_is_refused(tmp_path: Path) -> None:
    class Reach:
        def __reduce__(self) -> tuple[Any, ...]:
            return getattr, (HistoryBuffer, '__init__')

    torch.save({'state_dict': {}, 'meta': Reach()}, tmp_path / 'x.pth')
    with pytest.raises(InputError, match='could run code'):
        load_checkpoint_file(tmp_path / 'x.pth')


def test_what_mmengine_itself_saves_is_read(tmp_path: Path) -> None:
    value = {'buffer': HistoryBuffer([1.0, 2.0], [1, 1]), 'array': np.arange(3, dtype=np.float32), 'one': np.int64(4)}
    torch.save(value, tmp_path / 'x.pth')
    loaded = load_checkpoint_file(tmp_path / 'x.pth')
    assert loaded['buffer'].mean() == 1.5
    np.testing.assert_array_equal(loaded['array'], value['array'])
    assert loaded['one'] == 4


@pytest.mark.parametrize('fraction', [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_named(fraction: float, tmp_path: Path) -> None:
    path = tmp_path / 'x.pth'
    save_checkpoint_file({'state_dict': {'weight': torch.rand(100)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(InputError, match='damaged') as caught:
        load_checkpoint_file(path)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / 'notes.pth').write_text('no checkpoint\n')
    torch.save([1, 2], tmp_path / 'list.pth')
    for name, message in [
        ('notes.pth', 'not a checkpoint'),
        ('list.pth', 'list'),
        ('none.pth', 'no such'),
        ('.', 'no such'),
    ]:
        with pytest.raises(InputError, match=message):
            load_checkpoint_file(tmp_path / name)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=8,
)


@settings(max_examples=50)
@given(PLAIN)
def test_plain_values_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / 'plain.pth'
    save_checkpoint_file(to_plain({'value': value}), path)
    loaded = torch.load(path, weights_only=True)['value']
    assert loaded == value
    assert repr(loaded) == repr(value)  # a tuple is no list, True is not 1


def test_other_data_becomes_plain(tmp_path: Path) -> None:
    value = {'array': np.eye(2), 'scalar': np.float32(0.5), 'path': Path('a'), 'set': {2, 1}, 'text': np.str_('b')}
    save_checkpoint_file(to_plain(value), tmp_path / 'x.pth')
    expected = {'array': [[1.0, 0.0], [0.0, 1.0]], 'scalar': 0.5, 'path': 'a', 'set': [1, 2], 'text': 'b'}
    assert torch.load(tmp_path / 'x.pth', weights_only=True) == expected
    with pytest.raises(TypeError, match=r'checkpoint\.outer\.inner is a function'):
        to_plain({'outer': {'inner': to_plain}})


def test_module_versions_survive(tmp_path: Path) -> None:
    state = torch.nn.BatchNorm2d(2).state_dict()
    save_checkpoint_file(to_plain({'state_dict': state}), tmp_path / 'x.pth')
    loaded = torch.load(tmp_path / 'x.pth', weights_only=True)['state_dict']
    assert isinstance(loaded, OrderedDict)
    assert loaded._metadata[''] == {'version': 2}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'epoch_1.pth'
    save_checkpoint_file({'value': 1}, path)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(InputError, match='No space left on device') as caught:
        save_checkpoint_file({'value': 2}, path)
    assert str(path) in str(caught.value)
    assert load_checkpoint_file(path) == {'value': 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    """The kernel itself ends the write, in the middle of the weights (a limit on the size of files)."""
    path = tmp_path / 'epoch_1.pth'
    save_checkpoint_file({'value': 1}, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError, match='cannot be written') as caught:
            save_checkpoint_file({'weight': torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(path) in str(caught.value)
    assert load_checkpoint_file(path) == {'value': 1}
    assert list(tmp_path.iterdir()) == [path]


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).touch()


def test_the_pointer_names_the_newest_and_later_files_are_an_earlier_runs(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    _touch(tmp_path, 'epoch_9.pth', 'epoch_10.pth', 'epoch_100.pth', 'iter_500.pth', 'best_mDice_epoch_7.pth')
    (tmp_path / 'last_checkpoint').write_text('/moved/elsewhere/epoch_10.pth')
    assert [path.name for path in checkpoints_newest_first(tmp_path)] == ['epoch_10.pth', 'epoch_9.pth']
    assert last_checkpoint(tmp_path) == tmp_path / 'epoch_10.pth'
    (tmp_path / 'epoch_10.pth').unlink()
    assert last_checkpoint(tmp_path) == tmp_path / 'epoch_9.pth'


def test_without_a_pointer_the_highest_step_is_the_newest(tmp_path: Path) -> None:
    _touch(tmp_path, 'epoch_9.pth', 'epoch_10.pth')
    assert last_checkpoint(tmp_path) == tmp_path / 'epoch_10.pth'


def test_only_temporary_files_are_removed(tmp_path: Path) -> None:
    kept = ['epoch_1.pth', '.hidden', '.gitignore', 'a-12345678.pth']
    _touch(tmp_path, *kept, '.epoch_2-ab_c1234.pth', '.last_checkpoint-abcdefgh')
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
