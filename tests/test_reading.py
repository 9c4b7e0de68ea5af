from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.files import write_json
from mmseg_ext.reading import MAX_YAML_BYTES, read_json, read_yaml


def test_json_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    write_json(tmp_path / 'a.json', {'a': [1, None]})
    assert read_json(tmp_path / 'a.json') == {'a': [1, None]}
    (tmp_path / 'b.json').write_text('{')
    with pytest.raises(InputError, match=r'b\.json: cannot be read as JSON'):
        read_json(tmp_path / 'b.json')
    with pytest.raises(InputError, match=r'c\.json: cannot be read \(No such file or directory\)$'):
        read_json(tmp_path / 'c.json')


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('a: &a [1]\nb: *a\n', 'aliases'),
        ('[' * 5000, 'nested too deeply'),
        ('a: !!python/object/apply:os.system [ls]', 'constructor'),
        ('a: 2020-99-99', 'month must be'),
        ('a: "\\ud800"', 'surrogates'),
        ('a: \xff'.encode('latin-1'), "can't decode"),
        (b' ' * (MAX_YAML_BYTES + 1), 'more than'),
    ],
)
def test_yaml_that_is_none_or_unsafe_is_refused_in_one_line(tmp_path: Path, text: str | bytes, problem: str) -> None:
    path = tmp_path / 'a.yaml'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=problem) as caught:
        read_yaml(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize('text', ['[' * 100_000, '{"a": "\\ud800"}', '{"a": ', '\xff'])
def test_json_that_no_text_could_hold_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / 'a.json'
    path.write_bytes(text.encode('latin-1'))
    with pytest.raises(InputError, match='cannot be read as JSON'):
        read_json(path)


def test_what_is_no_regular_file_or_endless_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    with (tmp_path / 'sparse').open('wb') as stream:
        stream.truncate(1 << 40)
    for name, problem in (('pipe', 'not a regular file'), ('sparse', 'more than'), ('.', 'directory')):
        with pytest.raises(InputError, match=problem):
            read_json(tmp_path / name)
