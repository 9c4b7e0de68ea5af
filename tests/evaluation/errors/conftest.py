"""The helpers of ``error_scenes``."""

from __future__ import annotations

from types import ModuleType

import error_scenes
import pytest


@pytest.fixture(scope='session')
def scenes() -> ModuleType:
    return error_scenes
