from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mmseg_ext.commands import init, labelme, review
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.review import next_commands, open_review

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
    for name, words in (('', b'<title>Mask review'), ('review.js', b'import'), ('masks.js', b'export')):
        with urllib.request.urlopen(url + name) as answer:
            assert words in answer.read()
            assert "default-src 'none'" in answer.headers['content-security-policy']
    server.send_signal(signal.SIGINT)
    rest, errors = server.communicate(timeout=60)
    assert (server.returncode, errors) == (130, 'interrupted\n')
    assert rest.splitlines() == [
        '16 left',
        f'mmseg-ext labelme diff {root} --a labels --b reviewed --out diff-reviewed',
        f'mmseg-ext init {root} --labels reviewed --out configs/pets-reviewed.py',
        'mmseg-ext train configs/pets-reviewed.py',
    ]


def test_the_commands_that_come_next_can_be_typed_as_they_stand(tiny_data: Path, tmp_path: Path) -> None:
    root = shutil.copytree(tiny_data, tmp_path / 'pets of mine')
    diff, plan, training = map(shlex.split, next_commands(open_review(root, to="Ann's set")))
    labelme.main([*diff[2:-1], str(tmp_path / 'diff')])
    assert (tmp_path / 'diff' / 'diff.html').is_file()
    planned = init.build_parser().parse_args(plan[2:])
    assert (planned.data, planned.labels, planned.out) == (str(root), "Ann's set", 'configs/pets-of-mine-Ann-s-set.py')
    assert training == ['mmseg-ext', 'train', planned.out]


def test_what_comes_next_is_not_told_where_it_could_not_serve(
    tiny_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(tiny_data, tmp_path / 'pets')
    with socket.create_server(('127.0.0.1', 0)) as taken, pytest.raises(InputError, match='cannot listen there'):
        review.main([str(root), '--to', 'reviewed', '--port', str(taken.getsockname()[1])])
    assert capsys.readouterr().out == 'labels → reviewed: 16 left\n'


def test_an_empty_address_is_refused(tiny_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        review.main([str(tiny_data), '--host', ''])
    assert 'argument --host: must not be empty' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (['--queue', 'none.txt'], 'none.txt: cannot be read'),
        (['--to', 'labels'], '`to=labels`: is the source itself'),
        (['--suggestions', 'none'], 'none: folder not found'),
        (['--suggestions', '.'], 'holds no mask of the queue'),
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
    with pytest.raises(InputError, match='the queue is for labels'):
        open_review(tiny_data, tmp_path / 'audit.json', 'labels_true')
