"""Make ``loss_references.py`` importable: with ``--import-mode=importlib`` a folder of tests is not on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location('loss_references', Path(__file__).with_name('loss_references.py'))
assert spec is not None
assert spec.loader is not None
sys.modules['loss_references'] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
