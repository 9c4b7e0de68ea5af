"""The tutorial: its commands, as they stand, from an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import accept_first
import pytest

IMAGES = 6  # per split


def test_its_commands_lead_from_an_empty_folder_to_a_report(repo_root: Path, tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    text = (repo_root / 'docs' / 'tutorial.md').read_text(encoding='utf-8')
    blocks = re.findall(r'^```bash\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    verbs = [line.split()[1] for line in ''.join(blocks).splitlines()]
    assert verbs[0] == 'demo'
    assert verbs[-9:] == ['init', 'train', 'test', 'errors', 'rank', 'review', 'labelme', 'train', 'predict']
    reviewer = f'{sys.executable} {Path(accept_first.__file__)}'  # in place of a person
    done = subprocess.run(
        ['bash', '-euo', 'pipefail', '-c', ''.join(blocks).replace('mmseg-ext review', f'{reviewer} mmseg-ext review')],
        env={
            **os.environ,
            'PATH': os.pathsep.join([str(command_folder(repo_root, tmp_path / 'bin')), os.environ['PATH']]),
            'OMP_NUM_THREADS': '1',
            'IMAGES': str(IMAGES),
            'SIZE': '64',
            'MINUTES': '0.1',
            'FOLDS': '2',
            'STEPS': '2',
        },
        cwd=make(tmp_path / 'empty'),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,  # only so that a hanging command cannot hang the run
    )
    assert done.returncode == 0, done.stdout
    for page in ('audit/audit', 'pets/labels_clean/cleaning', 'difference/diff', 'errors/errors', 'reviewed/diff'):
        assert (tmp_path / 'empty' / f'{page}.html').is_file(), page
    assert '1 accept' in done.stdout
    assert "'labels_fixed'" in (tmp_path / 'empty/configs/pets.py').read_text()
    assert (tmp_path / 'empty/work_dirs/pets/test-tta/metrics.json').is_file()
    assert "labels='labels_reviewed'" in next((tmp_path / 'empty/work_dirs/pets-reviewed').glob('*.py')).read_text()
    assert len(list((tmp_path / 'empty/predicted/overlays').glob('*.jpg'))) == IMAGES


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


def command_folder(repo_root: Path, folder: Path) -> Path:
    """Make a folder with the command ``mmseg-ext`` of this checkout."""
    script = make(folder) / 'mmseg-ext'
    script.write_text(f'#!/bin/sh\nPYTHONPATH={repo_root} exec {sys.executable} -m mmseg_ext "$@"\n')
    script.chmod(0o755)
    return folder
