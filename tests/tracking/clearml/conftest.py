"""A ClearML server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clearml_server import ContractServer


@pytest.fixture
def contract() -> Iterator[ContractServer]:
    server = ContractServer()
    yield server
    server.silent.clear()
    server.kill()
