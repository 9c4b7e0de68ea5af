"""Reading ``scalars.json``, the curves of a run, without the libraries that training needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError

FILE_NAME = 'scalars.json'


def read_scalars(path: str | Path) -> list[dict[str, Any]]:
    """Read the lines of a ``scalars.json``; a last line cut short by a kill is left out.

    Raises:
        InputError: The file is missing, or another line is not a JSON object with an ``iter``.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror or error})') from error
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            row['iter'] + 0
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                break
            raise InputError(f'{path}, line {number}: not a JSON object with an "iter"; remove the line') from error
        rows.append(row)
    return rows
