from __future__ import annotations

import errno
import os
import resource
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ext.engine.checkpoints.files import (
    checkpoints_newest_first,
    last_checkpoint,
    remove_leftovers,
    save_checkpoint_file,
    to_plain,
)
from mmseg_ext.errors import InputError
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

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
