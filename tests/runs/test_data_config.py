from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.runs.config import load_config


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({'model': {'type': 'os.system', 'command': 'touch hacked'}}, "type='os.system'"),
        ({'model': {'type': 'subprocess.Popen'}}, 'not a registered part'),
        ({'model': [{'neck': {'type': 'hacked'}}]}, "type='hacked'"),  # mmengine would import hacked.py
        ({'model': {'type': 'mmengine.dump'}}, 'not a registered part'),
        ({'model': {'type': ['os.system']}}, 'not a registered part'),
        ({'runner_type': 'hacked.Runner'}, 'as runner_type'),
        ({'optim_wrapper': {'constructor': 'hacked.Make'}}, 'as constructor'),
        ({'default_scope': 'hacked'}, 'has the unknown scope'),
        ({'model': {'_scope_': 'hacked'}}, 'has the unknown scope'),
        ({'_base_': 'hacked.py'}, 'inherits from other files'),
        ({'custom_imports': {'imports': ['hacked']}}, 'custom_imports'),
        (json.loads('[' * 70 + ']' * 70), 'holds a list'),
        ({'model': json.loads('[' * 70 + ']' * 70)}, 'nested more than'),
    ],
)
def test_plain_data_cannot_name_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'hacked.py').write_text("open('ran', 'w')")
    (tmp_path / 'c.json').write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        load_config(tmp_path / 'c.json')
    assert words in str(caught.value)
    assert not (tmp_path / 'ran').exists()


def test_under_the_flag_a_program_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'c.py').write_text(f'model = open({str(tmp_path / "ran")!r}, "w").name\n')
    assert load_config(tmp_path / 'c.py').model == str(tmp_path / 'ran')
    (tmp_path / 'ran').unlink()
    monkeypatch.setenv('MMSEG_EXT_SAFE_CONFIG', '1')
    with pytest.raises(InputError, match='code is not run'):
        load_config(tmp_path / 'c.py')
    assert not (tmp_path / 'ran').exists()


def test_registered_parts_pass(tmp_path: Path) -> None:
    parts = [{'type': name} for name in ('EncoderDecoder', 'mmseg_ext.DiceLoss', 'mmseg.SegDataPreProcessor', 'AdamW')]
    (tmp_path / 'c.json').write_text(json.dumps({'default_scope': 'mmseg', 'model': parts}))
    assert load_config(tmp_path / 'c.json', {'default_scope': 'mmseg'}).model == parts
