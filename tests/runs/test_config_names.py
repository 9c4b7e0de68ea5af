from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.runs.config_names import find_config, list_configs

UNET = 'pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256'


def test_a_name_is_found_from_anywhere(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (UNET, f'{UNET}.py'):
        assert find_config(name) == repo_root / 'configs' / f'{UNET}.py'
    assert find_config('_base_/models/fpn_r18') == repo_root / 'configs' / '_base_' / 'models' / 'fpn_r18.py'


def test_a_file_here_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'pets').mkdir()
    (tmp_path / f'{UNET}.py').touch()
    assert find_config(UNET) == Path(f'{UNET}.py')
    assert find_config(f'{UNET}.py') == Path(f'{UNET}.py')
    assert find_config(tmp_path / UNET) == tmp_path / f'{UNET}.py'


@pytest.mark.parametrize(
    ('name', 'remedy'),
    [
        ('pets/fcn_unet-s5-d16_ce-sgd-100_pets-256x256', f'did you mean {UNET}?'),
        (f'configs/{UNET}.py', f'did you mean {UNET}?'),
        ('no/config.py', 'see mmseg-ext configs'),
        ('here/tinny.py', 'did you mean here/tiny.py?'),
    ],
)
def test_an_unknown_name(name: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'here').mkdir()
    (tmp_path / 'here' / 'tiny.py').touch()
    with pytest.raises(InputError) as caught:
        find_config(name)
    assert (caught.value.subject, caught.value.problem, caught.value.remedy) == (name, 'config not found', remedy)


def test_bases_are_no_experiments() -> None:
    assert not [name for name in list_configs() if name.startswith('_base_')]
    assert UNET in list_configs('unet')
