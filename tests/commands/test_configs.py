from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_ext.commands.configs import main
from mmseg_ext.errors import InputError

UNET = 'pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256'


def test_names_with_the_first_line_of_their_description(repo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    files = [path for path in (repo_root / 'configs').rglob('*.py') if '_base_' not in path.parts]
    assert len(lines) == len(files) > 20
    rows = dict(line.split(maxsplit=1) for line in lines)
    assert rows[UNET].startswith('Baseline: U-Net from scratch')
    assert all(rows.values())


def test_a_pattern_and_bare_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['fcn_unet-s5-d16_', '--names']) == 0
    assert capsys.readouterr().out == f'{UNET}\n'
    assert main(['demo/*sgd*', '--names']) == 0
    assert capsys.readouterr().out.split() == ['demo/deeplabv3plus_resnet-v2-222-w32_ce-sgd-1000it_demo-192x192']


def test_a_pattern_of_no_config() -> None:
    with pytest.raises(InputError, match=r'vgg99.*no experiment') as caught:
        main(['vgg99'])
    assert caught.value.exit_code == 1
