from __future__ import annotations

import errno
import re
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.errors import InputError

pytest.importorskip('mmseg')

from mmengine.registry import Registry
from torch.utils.data import DataLoader, Dataset

from mmseg_ext.engine.guard import guarded

PARTS = Registry('part', scope='mmseg', locations=[])


@PARTS.register_module()
class Inner:
    def __init__(self, size: int = 1) -> None:
        if size < 1:
            raise ValueError(f'size {size}\nis too small')
        if size > 9:
            raise RuntimeError('a defect')


@PARTS.register_module()
class Outer:
    def __init__(self, inner: dict, **kwargs: Any) -> None:
        self.inner = PARTS.build(inner)


def build(**config: Any) -> Any:
    return guarded(lambda: PARTS.build(config))


def test_what_works_is_returned() -> None:
    assert isinstance(build(type='Outer', inner={'type': 'Inner', 'size': 2}), Outer)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ({'type': 'Iner'}, "config: type='Iner' is not known (mmseg::part registry); check its spelling"),
        ({'type': 'Outer'}, "config: Outer: Outer.__init__() missing 1 required positional argument: 'inner'"),
        ({'type': 'Outer', 'inner': {'type': 'Inner', 'siz': 1}}, 'config: Inner: Inner.__init__() got an unexpected'),
        ({'type': 'Outer', 'inner': {'type': 'Inner', 'size': 0}}, 'config: Inner: size 0 is too small;'),
        (
            {'type': 'Outer', 'inner': {'size': 1}},
            'config: Outer: `cfg` or `default_args` must contain the key "type",',
        ),
        ({'size': 1}, 'config: a part without type: '),
        ({'type': Inner, 'size': 'two'}, 'config: Inner: '),
    ],
)
def test_a_part_that_cannot_be_built_is_one_line(config: dict, message: str) -> None:
    with pytest.raises(InputError, match='^' + re.escape(message)) as caught:
        build(**config)
    assert '\n' not in str(caught.value)


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match='a defect'):
        build(type='Inner', size=10)
    with pytest.raises(ValueError, match='outside any part'):
        guarded(lambda: int('outside any part'))
    with pytest.raises(FileNotFoundError):
        guarded(lambda: open('/no/such/file'))  # noqa: SIM115


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_cannot_be_written_is_one_line(number: int) -> None:
    def write(*name: str) -> None:
        raise OSError(number, 'the reason', *name)

    with pytest.raises(InputError, match=r'^/no/such/log: cannot be written \(the reason\); free up space or'):
        guarded(lambda: write('/no/such/log'))
    with pytest.raises(InputError, match=r'^a file of the run: '):
        guarded(write)
    with pytest.raises(InputError, match=r'^/run: '):
        guarded(write, '/run')


def test_a_source_that_may_not_be_opened_is_not_said_to_be_written(tmp_path: Path) -> None:
    (tmp_path / 'run').mkdir()
    for name in ('source.png', 'run/log'):
        (tmp_path / name).touch()

    def fail(name: str) -> None:
        raise PermissionError(errno.EACCES, 'the reason', str(tmp_path / name))

    with pytest.raises(InputError, match=r'source\.png: cannot be opened \(the reason\); check its permissions$'):
        guarded(lambda: fail('source.png'), tmp_path / 'run')
    with pytest.raises(InputError, match=r'log: cannot be written \(the reason\)'):
        guarded(lambda: fail('run/log'), tmp_path / 'run')


class Damaged(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        raise InputError('a.png: is\ncut short', exit_code=1)


def test_a_workers_error_is_its_own_line() -> None:
    for workers, message in ((0, 'a.png: is\ncut short'), (1, 'a.png: is cut short')):
        with pytest.raises(InputError) as caught:
            guarded(lambda workers=workers: list(DataLoader(Damaged(), num_workers=workers)))  # type: ignore[misc]
        assert str(caught.value) == message
