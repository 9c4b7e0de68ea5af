from __future__ import annotations

from typing import Any

import pytest

from mmseg_ext.commands import auto, browse, errors, init, rank, search, train
from mmseg_ext.errors import InputError


@pytest.mark.parametrize(
    ('command', 'arguments'),
    [
        (auto, ['DATA', '--seed']),
        (browse, ['CONFIG', '--seed']),
        (errors, ['RESULT', '--out', 'D', '--seed']),
        (init, ['DATA', '--seed']),
        (rank, ['DATA', 'CONFIG', '--out', 'D', '--seeds']),
        (search, ['CONFIG', '--space', 'a=1,2', '--out', 'D', '--seed']),
        (train, ['CONFIG', '--seed']),
        (train, ['CONFIG', '--fold-seed']),
    ],
)
def test_a_negative_seed_is_refused_by_its_flag(
    command: Any, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.build_parser().parse_args([*arguments, '-1'])
    assert f'{arguments[-1]}: -1: must be a whole number of at least 0' in capsys.readouterr().err
    command.build_parser().parse_args([*arguments, '7'])


def test_workers_of_a_search_are_agents(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        search.main(['CONFIG', '--space', 'a=1,2', '--out', 'D', '--workers', '4'])
    assert '--workers counts the agents of --clearml-queue' in capsys.readouterr().err


def test_a_search_takes_no_negative_seed() -> None:
    settings = pytest.importorskip('mmseg_ext.workflows.search.settings')
    with pytest.raises(InputError, match=r'`seed=-1`: must be at least 0'):
        settings.SearchSettings('c.py', (), seed=-1)
