"""The command `mmseg-ext`: its verbs, its help, and how fast it starts (by what it loads, not by the clock)."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_ext import __version__
from mmseg_ext.commands.main import VERBS, load_verb, main

SLOWEST = {'torch', 'mmengine', 'rich'}
HEAVY = SLOWEST | {'numpy', 'cv2', 'PIL', 'yaml', 'shtab'}


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'mmseg_ext', *arguments], env={**os.environ, 'PYTHONPATH': str(root)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_has_a_module_a_help_and_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_verb(verb).main(['--help'])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f'usage: mmseg-ext {verb} ')
    assert re.search(rf'\nexample:\n  ([A-Z_]+=\S+ )?mmseg-ext {verb} ', text)
    parser = load_verb(verb).build_parser()
    assert parser.description
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                text = command.format_help()
                assert text.startswith(f'usage: mmseg-ext {verb} {name} ')
                assert re.search(rf'\nexample:\n  ([A-Z_]+=\S+ )?mmseg-ext {verb} {name}\b', text)
    assert VERBS[verb].strip('.') == VERBS[verb] != ''


def test_every_command_module_is_a_verb_or_named_as_none(repo_root: Path) -> None:
    modules = {path.stem for path in (repo_root / 'mmseg_ext/commands').iterdir() if path.stem[0] not in '_.'}
    assert modules - {verb.replace('-', '_') for verb in VERBS} == {'cli', 'main', 'model_arguments'}


def test_every_script_in_tools_runs_a_verb(repo_root: Path) -> None:
    scripts = sorted((repo_root / 'tools').rglob('*.py'))
    verbs = [re.search(r"^    run_verb\('([\w-]+)'", path.read_text(), re.MULTILINE) for path in scripts]
    assert len(scripts) > 20
    assert all(verb is not None and verb[1] in VERBS for verb in verbs)


def test_the_help_lists_the_verbs_in_columns(repo_root: Path) -> None:
    done = run(repo_root, '--help')
    assert (done.returncode, done.stderr) == (0, '')
    rows = [re.fullmatch(r'  (\S+)(  +)(\S.*)', line) for line in done.stdout.splitlines()]
    listed = {row[1]: row for row in rows if row is not None and row[1] in VERBS}
    assert listed.keys() == VERBS.keys()
    assert {len(row[1] + row[2]) for row in listed.values()} == {max(map(len, VERBS)) + 2}
    for step in ('data', 'labels', 'training', 'explaining', 'using'):
        assert f'\n{step}:\n  ' in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ('argv', 'slow'),
    [
        (['--help'], HEAVY),
        (['--version'], HEAVY),
        (['configs', 'unet'], HEAVY),
        (['trian'], HEAVY),
        (['train', '--help'], SLOWEST),
        (['test', '--help'], SLOWEST),
    ],
)
def test_what_must_be_immediate_loads_nothing_slow(repo_root: Path, argv: list[str], slow: set[str]) -> None:
    probe = (
        'import contextlib, json, sys\n'
        'from mmseg_ext.commands.main import main\n'
        f'with contextlib.suppress(SystemExit): main({argv!r})\n'
        'print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))'
    )
    done = subprocess.run(
        [sys.executable, '-c', probe], env={**os.environ, 'PYTHONPATH': str(repo_root)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert 'mmseg_ext' in loaded
    assert loaded & slow == set()


def test_the_version(repo_root: Path) -> None:
    assert run(repo_root, '--version').stdout == f'mmseg_ext {__version__}\n'


@pytest.mark.parametrize(
    ('argv', 'error'),
    [
        (['trian'], "error: unknown verb 'trian'; did you mean train? (see mmseg-ext --help)\n"),
        (['xyz'], "error: unknown verb 'xyz' (see mmseg-ext --help)\n"),
        ([], 'error: the following arguments are required: VERB (see mmseg-ext --help)\n'),
        (['audit'], 'error: the following arguments are required: DATA (see mmseg-ext audit --help)\n'),
        (['audit', 'x', '--label', 'a'], 'error: unrecognized arguments: --label a (see mmseg-ext audit --help)\n'),
    ],
)
def test_wrong_use_is_one_line(argv: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err == error


def test_a_script_in_tools_does_not_hide_pythons_statistics(repo_root: Path) -> None:
    """Python puts the folder of the script first in its search path, and torch imports ``statistics``."""
    probe = (
        'import contextlib, sys\n'
        f'sys.path.insert(0, {str(repo_root / "tools")!r})\n'
        f'sys.argv = [{str(repo_root / "tools" / "train.py")!r}, "--help"]\n'
        'from mmseg_ext.commands.main import run_verb\n'
        'with contextlib.suppress(SystemExit): run_verb("train")\n'
        'import statistics\n'
        'print(statistics.mean([1, 2, 6]), statistics.__file__)'
    )
    done = subprocess.run(
        [sys.executable, '-c', probe], env={**os.environ, 'PYTHONPATH': str(repo_root)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    mean, file = done.stdout.splitlines()[-1].split(maxsplit=1)
    assert mean == '3'
    assert Path(file).parent == Path(os.__file__).parent
