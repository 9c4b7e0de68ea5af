"""An object whose unpickling runs code, as a malicious file would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


class Payload:
    """Unpickled without restrictions, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)
