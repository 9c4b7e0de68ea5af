from __future__ import annotations

import pickle
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmseg_ext.commands import cli
from mmseg_ext.errors import InputError


def leave(main: object) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        cli.run(main)  # type: ignore[arg-type]
    return caught.value.code


@pytest.mark.parametrize(('returned', 'code'), [(None, 0), (0, 0), (1, 1)])
def test_the_exit_code_is_what_main_returns(returned: int | None, code: int) -> None:
    assert leave(lambda argv: returned) == code


@pytest.mark.parametrize('code', [1, 2])
def test_an_input_error_is_one_line_on_standard_error(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: Sequence[str] | None) -> int:
        raise InputError('a.png: is empty; redraw it', exit_code=code)

    assert leave(main) == code
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err == 'error: a.png: is empty; redraw it\n'


def test_an_input_error_means_wrong_use_by_default() -> None:
    assert InputError('x').exit_code == 2


def test_a_defect_of_ours_keeps_its_traceback() -> None:
    def main(argv: Sequence[str] | None) -> int:
        raise KeyError('defect')

    with pytest.raises(KeyError):
        cli.run(main)


def test_ctrl_c_leaves_with_the_shells_code(capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: Sequence[str] | None) -> int:
        raise KeyboardInterrupt

    assert leave(main) == 130
    assert capsys.readouterr().err == 'interrupted\n'


def test_a_core_installation_is_told_what_training_needs(capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: Sequence[str] | None) -> int:
        raise ModuleNotFoundError("No module named 'mmseg.registry'", name='mmseg.registry')

    assert leave(main) == 2
    assert capsys.readouterr().err == (
        'error: needs mmseg.registry, which is not installed: pip install -e ".[train]" in the checkout\n'
    )


def test_every_extra_that_is_told_exists(repo_root: Path) -> None:
    extras = tomllib.loads((repo_root / 'pyproject.toml').read_text())['project']['optional-dependencies']
    assert set(cli.EXTRAS.values()) <= set(extras)


def test_a_missing_module_of_ours_keeps_its_traceback() -> None:
    def main(argv: Sequence[str] | None) -> int:
        raise ModuleNotFoundError("No module named 'mmseg_ext.x'", name='mmseg_ext.x')

    with pytest.raises(ModuleNotFoundError):
        cli.run(main)


def print_into_a_closed_pipe(repo_root: Path, lines: int) -> tuple[int, str]:
    """Exit code and standard error of a tool whose reader has left before it prints."""
    code = (
        'import sys; from mmseg_ext.commands import cli\n'
        f'def main(argv): sys.stdin.read(); [print("x" * 99) for _ in range({lines})]; return 0\n'
        'cli.run(main)'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code],
        env={'PYTHONPATH': str(repo_root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.close()
    with process.stderr:
        errors = process.stderr.read()
    return process.wait(timeout=60), errors


def test_a_reader_that_leaves_early_is_no_error(repo_root: Path) -> None:
    assert print_into_a_closed_pipe(repo_root, 1000) == (0, '')


def test_a_reader_that_leaves_early_is_no_error_for_short_output(repo_root: Path) -> None:
    assert print_into_a_closed_pipe(repo_root, 1) == (0, '')


def parser() -> cli.ArgumentParser:
    made = cli.ArgumentParser('Count masks.\nSecond line.', 'tools/count.py data/demo')
    made.add_argument('--split')
    return made


def test_help_keeps_line_breaks_and_ends_with_the_example() -> None:
    text = parser().format_help()
    assert 'Count masks.\nSecond line.\n' in text
    assert text.endswith('example:\n  tools/count.py data/demo\n')


@pytest.mark.parametrize('argv', [['--unknown'], ['--spl', 'train'], ['--split']])
def test_wrong_arguments_are_one_line_and_code_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(argv)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    assert '--help' in error


def test_a_count_is_a_whole_number_of_at_least_1(capsys: pytest.CaptureFixture[str]) -> None:
    made = parser()
    made.add_argument('--n', type=cli.positive)
    assert made.parse_args(['--n', '12']).n == 12
    for wrong in ('0', '-3', '1.5', 'many', ''):
        with pytest.raises(SystemExit) as caught:
            made.parse_args([f'--n={wrong}'])
        assert caught.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith(f'error: argument --n: {wrong}: must be a whole number of at least 1 (see ')
        assert error.count('\n') == 1


def test_arguments_in_errors_are_shown_as_the_commands_flags(capsys: pytest.CaptureFixture[str]) -> None:
    def main(argv: Sequence[str] | None) -> int:
        made = cli.ArgumentParser('Count.', 'count DATA', flags={'root': 'DATA', 'batch_size': '--batch'})
        made.add_argument('data', metavar='DATA')
        made.add_argument('--batch', type=int)
        made.add_argument('--max-pixels', type=float)
        made.add_argument('--overwrite', action='store_true')
        made.parse_args(['d', '--batch', '0'])
        raise InputError('`batch_size=0`', '`root` and `max_pixels=5`; `classes:`', 'try `overwrite=True` or `other`')

    assert leave(main) == 2
    assert capsys.readouterr().err == (
        'error: --batch 0: DATA and --max-pixels 5; `classes:`; try --overwrite or `other`\n'
    )


def test_the_fields_of_an_error_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(InputError(Path('a.png'), 'is empty', 'redraw it', exit_code=1)))
    assert (error.subject, error.problem, error.remedy, error.exit_code) == ('a.png', 'is empty', 'redraw it', 1)
    assert str(error) == 'a.png: is empty; redraw it'


def test_a_string_in_an_error_is_shown_without_its_quotes() -> None:
    made = cli.ArgumentParser('Predict.', 'predict A')
    made.add_argument('--dtype')
    assert made.name_flags("`dtype='float16'`: needs a GPU") == '--dtype float16: needs a GPU'


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='needs /dev/full')
def test_a_full_disk_behind_standard_output_is_one_line(repo_root: Path) -> None:
    with open('/dev/full', 'w') as full:
        done = subprocess.run(
            [sys.executable, '-c', 'from mmseg_ext.commands import cli; cli.run(lambda argv: print(1))'],
            env={'PYTHONPATH': str(repo_root)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == 'error: output: cannot be written (No space left on device); free up space\n'
