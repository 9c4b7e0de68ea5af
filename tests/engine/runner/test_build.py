from __future__ import annotations

import pytest

pytest.importorskip('mmseg')

from mmengine.config import Config

from mmseg_ext.engine.runner.build import check_optimizer, is_first_process
from mmseg_ext.errors import InputError


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


def test_an_optimizer_that_is_not_known_is_named_with_the_nearest_one() -> None:
    def check(kind: str) -> None:
        check_optimizer(Config({'optim_wrapper': {'optimizer': {'type': kind}}}), 'c.py')

    check('AdamW')
    with pytest.raises(InputError, match=r"^c\.py: optimizer type='AdamX' is not known; did you mean Adam\w*\?$"):
        check('AdamX')
    with pytest.raises(InputError, match=r"type='Nothing' is not known; check its spelling$"):
        check('Nothing')
