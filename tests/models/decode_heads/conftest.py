"""Make ``head_training.py`` importable: with ``--import-mode=importlib`` a folder of tests is not on the path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

spec = importlib.util.spec_from_file_location('head_training', Path(__file__).with_name('head_training.py'))
assert spec is not None
assert spec.loader is not None
sys.modules['head_training'] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
