"""One file of many that cannot be used: every tool names it, goes on without it, and ends with 1."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ext.commands import class_weights, clean, labelme, stats
from mmseg_ext.data import Classes, write_image, write_mask

CLASSES = Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60)))
BAD = 's2'


def bomb(side: int = 13_500) -> bytes:
    """A PNG whose header states more pixels than the file holds."""
    header = side.to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    chunks = b''
    for kind, body in ((b'IHDR', header), (b'IDAT', zlib.compress(bytes(99))), (b'IEND', b'')):
        chunks += len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)
    return b'\x89PNG\r\n\x1a\n' + chunks


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four pairs, of which one mask is a bomb."""
    root = tmp_path / 'data'
    root.mkdir()
    CLASSES.write(root)
    rng = np.random.default_rng(0)
    for index in range(4):
        mask = cv2.circle(np.zeros((40, 40), np.uint8), (20, 20), 8 + index, 1, cv2.FILLED)
        write_image(root / f'img/train/s{index}.png', rng.integers(0, 256, (40, 40, 3), np.uint8))
        write_mask(root / f'labels/train/s{index}.png', mask, CLASSES.palette)
    shutil.copytree(root / 'labels', root / 'labels_b')
    (root / f'labels/train/{BAD}.png').write_bytes(bomb())
    return root


@pytest.mark.parametrize(
    ('main', 'arguments'),
    [
        (stats.main, ['DATA']),
        (class_weights.main, ['DATA']),
        (clean.main, ['DATA', '--labels', 'labels', '--to', 'cleaned']),
        (labelme.main, ['diff', 'DATA', '--a', 'labels', '--b', 'labels_b']),
    ],
)
def test_a_bomb_among_the_masks(
    main: Callable[[list[str]], int], arguments: list[str], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(root) if argument == 'DATA' else argument for argument in arguments]) == 1
    bad, count = capsys.readouterr().err.splitlines()
    assert bad.startswith(f'error: {root / f"labels/train/{BAD}.png"}: has 13500×13500 pixels, more than 80,000,000')
    assert count == '1 file was left out'


def test_the_others_count(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class_weights.main([str(root), '--method', 'balanced'])
    without = json.loads(capsys.readouterr().out)
    for folder in ('img', 'labels', 'labels_b'):
        (root / f'{folder}/train/{BAD}.png').unlink()
    class_weights.main([str(root), '--method', 'balanced'])
    assert json.loads(capsys.readouterr().out) == without


def test_a_console_of_another_code_page_shows_what_it_can(root: Path) -> None:
    command = [sys.executable, '-m', 'mmseg_ext', 'class-weights', str(root)]
    for encoding in ('cp1251',):
        result = subprocess.run(command, capture_output=True, timeout=600, env={'PYTHONIOENCODING': encoding})
        assert result.returncode == 1
        assert b'has 13500?13500 pixels' in result.stderr
        assert b'Traceback' not in result.stderr
