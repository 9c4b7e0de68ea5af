"""Whether a run has come to its end, and if not, why."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from mmseg_ext.runs.run_record import FINISHED, INTERRUPTED, RUNNING, STATUSES, UNFINISHED


def run_status(
    record: Mapping[str, Any], config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, str]:
    """Tell status and reason from ``run.json``, or else from config and ``scalars.json``; any of them may be empty."""
    status = record.get('status')
    if status in STATUSES:
        if status == RUNNING and _is_gone(record.get('process') or {}):
            done = record.get('iterations') or {}
            progress = f'iteration {done.get("done")} of {done.get("planned")} at the last validation'
            return INTERRUPTED, f'its process is gone without a word; {progress}'
        reason = str(record.get('reason') or '')
        if status == RUNNING:
            reason = f'last heard of {record.get("updated")}'
        return status, reason
    if not rows:
        return UNFINISHED, 'nothing was logged: no scalars.json with entries'
    last = rows[-1]
    epochs, iterations = inner(config, 'train_cfg', 'max_epochs'), inner(config, 'train_cfg', 'max_iters')
    for unit, planned in (('iter', iterations), ('epoch', epochs)):
        if isinstance(planned, int) and last.get(unit, 0) < planned:
            name = {'iter': 'iteration'}.get(unit, unit)
            return UNFINISHED, f'{name} {last.get(unit)} of {planned}; stopped, or still running'
    return FINISHED, ''


def inner(config: Any, *keys: str) -> Any:
    """What nested mappings hold under some keys; None where one is missing."""
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def _is_gone(process: Mapping[str, Any]) -> bool:
    """Whether a process of this machine has ended; of another machine nothing is known."""
    if process.get('host') != platform.node() or not isinstance(process.get('id'), int):
        return False
    try:
        os.kill(process['id'], 0)
    except ProcessLookupError:
        return True
    except OSError:  # it belongs to someone else
        return False
    return False
