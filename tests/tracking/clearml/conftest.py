"""A ClearML server on the loopback."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def load_contract() -> ModuleType:
    """The module beside this file, under one name for all who test against it."""
    if 'contract_server' not in sys.modules:
        spec = importlib.util.spec_from_file_location('contract_server', HERE / 'contract_server.py')
        assert spec is not None
        assert spec.loader is not None
        sys.modules['contract_server'] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules['contract_server']


@pytest.fixture
def contract() -> Iterator[Any]:
    server = load_contract().ContractServer()
    yield server
    server.silent.clear()
    server.kill()
