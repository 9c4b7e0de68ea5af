"""An object whose unpickling runs code, as a malicious file would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


class Payload:
    """Unpickled without restrictions, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint with a payload, and the folder that the payload would make."""
    import torch

    trace, path = tmp_path / 'trace', tmp_path / 'foreign.pth'
    torch.save({'state_dict': {'weight': torch.zeros(1)}, 'meta': Payload(trace)}, path)
    return path, trace
