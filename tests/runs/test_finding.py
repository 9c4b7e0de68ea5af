from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.runs.finding import find_runs, short_names


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{}')
    return path.parent


def test_work_dirs_folders_of_them_and_results(tmp_path: Path) -> None:
    ten = touch(tmp_path / 'ladder' / 'run-10' / 'scalars.json')
    two = touch(tmp_path / 'ladder' / 'run-2' / 'run.json')
    deep = touch(tmp_path / 'ladder' / 'seeds' / 'a' / 'environment.json')
    result = touch(tmp_path / 'result' / 'metrics_val.json')
    touch(two / 'val' / 'metrics.json')
    touch(tmp_path / 'ladder' / '.hidden' / 'run.json')
    assert find_runs([tmp_path / 'ladder']) == [two, ten, deep]
    assert find_runs([two / 'val', result, two]) == [two, result]  # a result inside a run stands for the run


def test_a_folder_without_a_run_is_kept_for_the_page(tmp_path: Path) -> None:
    empty = tmp_path / 'empty'
    empty.mkdir()
    assert find_runs([empty]) == [empty]


def test_runs_too_deep_are_not_searched_for(tmp_path: Path) -> None:
    touch(tmp_path / 'a' / 'b' / 'c' / 'd' / 'run.json')
    assert find_runs([tmp_path]) == [tmp_path]


def test_what_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'none: no such folder; give a work dir'):
        find_runs([tmp_path / 'none'])
    with pytest.raises(InputError, match='is a file'):
        find_runs([touch(tmp_path / 'x' / 'f.json') / 'f.json'])


def test_names_are_as_short_as_they_can_be() -> None:
    paths = [Path('/a/x/run'), Path('/a/y/run'), Path('/a/z/other')]
    assert short_names(paths) == ['x/run', 'y/run', 'other']
    assert short_names([Path('/run'), Path('/a/run')]) == ['run', 'a/run']
