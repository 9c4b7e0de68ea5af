"""The helpers of ``scenes.py``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope='session')
def scenes() -> ModuleType:
    spec = importlib.util.spec_from_file_location('error_scenes', Path(__file__).with_name('scenes.py'))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules['error_scenes'] = module
    spec.loader.exec_module(module)
    return module
