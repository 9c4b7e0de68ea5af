from __future__ import annotations

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.engine.runner.build import is_first_process


@pytest.mark.parametrize(
    ('launcher', 'variables', 'first'),
    [
        ('none', {}, True),
        ('none', {'RANK': '1', 'SLURM_PROCID': '1'}, True),  # left over from the shell
        ('pytorch', {'RANK': '0'}, True),
        ('pytorch', {'RANK': '1'}, False),
        ('slurm', {'SLURM_PROCID': '0', 'RANK': '1'}, True),
        ('slurm', {'SLURM_PROCID': '3'}, False),
    ],
)
def test_one_process_is_the_first(
    launcher: str, variables: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('RANK', 'SLURM_PROCID'):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_first_process(launcher) is first
