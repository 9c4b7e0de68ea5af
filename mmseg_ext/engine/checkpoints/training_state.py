"""Logged history and random state as plain values, for checkpoints."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, MessageHub, print_log

from mmseg_ext.engine.checkpoints.files import to_plain


def message_hub_to_plain(hub: MessageHub) -> dict[str, dict[str, Any]]:
    """Return the message hub's ``state_dict`` with each `HistoryBuffer` as two float64 tensors.

    An entry of ``runtime_info`` that is not data cannot be resumed: it is left out, and the log says so.
    """
    state = hub.state_dict()
    scalars = {
        key: {
            'log_history': torch.as_tensor(np.asarray(buffer.data[0], dtype=np.float64)),
            'count_history': torch.as_tensor(np.asarray(buffer.data[1], dtype=np.float64)),
            'max_length': int(buffer.max_length),
        }
        for key, buffer in state['log_scalars'].items()
    }
    info = {}
    for key, value in state['runtime_info'].items():
        try:
            info[key] = to_plain(value, f'message_hub.{key}')
        except TypeError as error:
            print_log(f'not saved: {error}', logger='current')
    kept = {key: bool(flag) for key, flag in state['resumed_keys'].items() if key in scalars or key in info}
    return {'log_scalars': scalars, 'runtime_info': info, 'resumed_keys': kept}


def message_hub_from_plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """Invert `message_hub_to_plain`; the result is for ``MessageHub.load_state_dict``."""
    scalars = {
        key: value
        if isinstance(value, HistoryBuffer)
        else HistoryBuffer(
            value['log_history'].cpu().numpy(), value['count_history'].cpu().numpy(), value['max_length']
        )
        for key, value in state['log_scalars'].items()
    }
    return {**state, 'log_scalars': scalars}


def get_rng_state() -> dict[str, Any]:
    """Return the state of Python's, NumPy's and torch's global random generators, as tensors and numbers."""
    version, internal, gauss_next = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        'python': {'version': version, 'internal': torch.tensor(internal), 'gauss_next': gauss_next},
        'numpy': {
            'name': str(name),
            'keys': torch.from_numpy(np.asarray(keys).astype(np.int64)),
            'position': int(position),
            'has_gauss': int(has_gauss),
            'cached': float(cached),
        },
        'torch': torch.get_rng_state(),
        'cuda': torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_state(state: Mapping[str, Any]) -> None:
    """Restore what `get_rng_state` returned. CUDA states are restored if as many devices are visible."""
    python, numpy = state['python'], state['numpy']
    random.setstate((python['version'], tuple(python['internal'].tolist()), python['gauss_next']))
    keys = numpy['keys'].cpu().numpy().astype(np.uint32)
    np.random.set_state((numpy['name'], keys, numpy['position'], numpy['has_gauss'], numpy['cached']))
    torch.set_rng_state(state['torch'].cpu())
    if torch.cuda.is_available() and len(state['cuda']) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([device_state.cpu() for device_state in state['cuda']])
