from __future__ import annotations

import os

import pytest

from mmseg_ext.eda.audit.item_checks import quiet_decoders


def test_standard_error_is_discarded_until_the_last_user_leaves(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_decoders():
        with quiet_decoders():
            os.write(2, b'libpng warning: unheard\n')
        os.write(2, b'unheard too: another thread may still be inside\n')
    os.write(2, b'heard\n')
    assert capfd.readouterr().err == 'heard\n'
