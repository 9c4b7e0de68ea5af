from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.runs.config_dump import read_config_dump


def test_a_dump_of_mmengine_is_read_back(tmp_path: Path) -> None:
    config = pytest.importorskip('mmengine.config')
    content = {
        'lr': -1e-4, 'none': None, 'flag': True, 'sizes': (1, 2), 'one': (3,), 'list': [{'type': 'A', 'p': [0.5]}],
        'model': {'backbone': {'type': 'x', 'b.c': 1}, 'keys': {'a.b': {'lr_mult': 0.1}, 1: 2}}, 'words': "it's\n",
    }  # fmt: skip
    config.Config(content).dump(tmp_path / 'c.py')
    assert read_config_dump(tmp_path / 'c.py') == content


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "x = __import__('os').system('touch hacked')",
        "x = dict(a=open('hacked', 'w'))",
        'x = dict([(1, 2)])',
        'x = dict(**{})',
        'x = {**{}}',
        'a.b = 1',
        'x = [y for y in ()]',
        'x = (',
        '(' * 10_000,
    ],
)
def test_anything_else_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'c.py').write_text(text)
    with pytest.raises(InputError, match='is not a config written by a training'):
        read_config_dump(tmp_path / 'c.py')
    assert [path.name for path in tmp_path.iterdir()] == ['c.py']
