from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mmseg_ext.commands import review
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.review import open_review

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')


def test_it_serves_until_it_is_interrupted_and_says_what_comes_next(
    repo_root: Path, tiny_data: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(tiny_data, tmp_path / 'pets')
    server = subprocess.Popen(
        [sys.executable, '-m', 'mmseg_ext', 'review', str(root), '--to', 'reviewed', '--port', '0'],
        env={**os.environ, 'PYTHONPATH': str(repo_root)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A test run in the background of a shell inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdout.readline() == 'labels → reviewed: 16 left\n'
    line = server.stdout.readline()
    assert line.startswith('http://127.0.0.1:'), server.communicate(timeout=60)
    url = line.split()[0]
    for name, words in (('', b'<title>Review of masks'), ('review.js', b'import'), ('masks.js', b'export')):
        with urllib.request.urlopen(url + name) as answer:
            assert words in answer.read()
            assert "default-src 'none'" in answer.headers['content-security-policy']
    server.send_signal(signal.SIGINT)
    rest, errors = server.communicate(timeout=60)
    assert (server.returncode, errors) == (130, 'interrupted\n')
    assert rest.splitlines() == [
        '16 left',
        f'mmseg-ext labelme diff {root} --a labels --b reviewed --out diff-reviewed',
        'mmseg-ext train CONFIG --cfg-options train_dataloader.dataset.labels=reviewed',
    ]


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (['--queue', 'none.txt'], 'none.txt: cannot be read'),
        (['--to', 'labels'], '`to=labels`: is the source itself'),
        (['--suggestions', 'none'], 'none: folder not found'),
        (['--labels', 'none'], 'label set not found'),
    ],
)
def test_wrong_use(tiny_data: Path, flags: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        review.main([str(tiny_data), *flags])


def test_a_queue_of_another_label_set_is_refused(tiny_data: Path, tmp_path: Path) -> None:
    (tmp_path / 'audit.json').write_text(
        '{"summary": {"labels": "labels"}, "findings": [{"check": "noise", "severity": "info", "split": "train", '
        '"stem": "train_00000", "message": "m", "value": null}]}'
    )
    with pytest.raises(InputError, match='the queue is about labels'):
        open_review(tiny_data, tmp_path / 'audit.json', 'labels_true')
