"""The synthetic runs of the tests of the comparison, as fixtures here too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location(
    'synthetic_runs', Path(__file__).parents[1] / 'reports' / 'compare' / 'conftest.py'
)
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
pets, make_run = _MODULE.pets, _MODULE.make_run
