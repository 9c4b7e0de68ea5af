"""The toy training, as a module (``toy``) and as a script (``toy_script``)."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from payload import foreign

__all__ = ['foreign']  # a fixture here too
SCRIPT = Path(__file__).parents[1] / 'support' / 'toy.py'


@pytest.fixture(scope='session')
def toy() -> ModuleType:
    pytest.importorskip('mmengine')
    return importlib.import_module('toy')


@pytest.fixture
def toy_script() -> tuple[list[str], dict[str, str]]:
    """The command and environment that train the toy in another process."""
    root = Path(__file__).resolve().parents[2]
    return [sys.executable, str(SCRIPT)], {**os.environ, 'PYTHONPATH': str(root), 'OMP_NUM_THREADS': '1'}


@pytest.fixture(autouse=True)
def _global_random_state() -> Iterator[None]:
    """Put the random generators back, which runners seed."""
    pytest.importorskip('torch')
    from mmseg_ext.engine.checkpoints.training_state import get_rng_state, set_rng_state

    state = get_rng_state()
    yield
    set_rng_state(state)
