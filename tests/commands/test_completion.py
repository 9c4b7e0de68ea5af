"""The completion script of bash, asked as bash asks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip('shtab')
ASK = r"""
source "$1"; shift
mmseg-ext() { "$PYTHON" -m mmseg_ext "$@"; }
read -ra found <<< "$(complete -p mmseg-ext)"
for ((i = 0; i < ${#found[@]}; i++)); do [[ ${found[i]} == -F ]] && function=${found[i+1]}; done
COMP_WORDS=(mmseg-ext "$@"); COMP_CWORD=$#; COMPREPLY=()
"$function" mmseg-ext "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def print_script(repo_root: Path, shell: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'mmseg_ext', 'completion', shell],
        env={**os.environ, 'PYTHONPATH': f'{repo_root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope='module')
def complete(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Returns what bash offers for the last of the words after ``mmseg-ext``."""
    if shutil.which('bash') is None:
        pytest.skip('needs bash')
    folder = tmp_path_factory.mktemp('completion')
    (folder / 'photos').mkdir()
    done = print_script(repo_root, 'bash')
    assert (done.returncode, done.stderr) == (0, '')
    (folder / 'script').write_text(done.stdout)

    def ask(*words: str) -> list[str]:
        asked = subprocess.run(
            ['bash', '-c', ASK, 'ask', str(folder / 'script'), *words], cwd=folder, capture_output=True, text=True,
            env={**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': str(repo_root)}, check=True,
        )  # fmt: skip
        return asked.stdout.split()

    return ask


def test_verbs(complete: Callable[..., list[str]]) -> None:
    assert complete('cl') == ['class-weights', 'clean', 'cleaning-ablation', 'clearml-import']
    assert complete('tr') == ['train']
    assert complete('labelme', 'ex') == ['export']


def test_flags_and_their_values(complete: Callable[..., list[str]]) -> None:
    assert {'--labels', '--splits', '--out', '--json', '--workers', '--overwrite'} <= set(complete('audit', '--'))
    assert complete('audit', '--fail-on', '') == ['error', 'warning', 'never']
    assert complete('labelme', 'export', '--tol') == ['--tolerance']
    flags = complete('clean', '--')
    assert '--to' in flags
    assert '--out' not in flags  # the former name of --to, kept for scripts


def test_files_and_configs(complete: Callable[..., list[str]]) -> None:
    assert complete('audit', 'ph') == ['photos']
    assert complete('train', 'pets/fcn_unet-s5-d16_') == ['pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256']


def test_zsh_gets_a_script_too_and_other_shells_are_refused(repo_root: Path) -> None:
    done = print_script(repo_root, 'zsh')
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith('#compdef mmseg-ext')
    assert 'class-weights' in done.stdout
    refused = print_script(repo_root, 'tcl')
    assert refused.returncode == 2
    assert refused.stderr.count('\n') == 1
