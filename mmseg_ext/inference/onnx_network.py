"""A network in an ONNX file that ``tools/export.py`` has written, run by ONNX Runtime: no torch, no mmseg."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.inference.model_info import ModelInfo

METADATA_KEY = 'mmseg_ext'
ERRORS_ONLY = 3  # of ONNX Runtime's levels of logging


class OnnxNetwork:
    """A `Network` on ONNX Runtime.

    Args:
        path: The file.
        device: ``cpu`` or ``cuda`` (needs the package onnxruntime-gpu); a GPU where there is one by default.
        threads: How many; as many as the process may use by default.

    Attributes:
        info: What the file's metadata says of the network.
        device: Where it runs.
        input_name: What the file calls its input.

    Raises:
        InputError: The file is missing, damaged or has no metadata of ours; ONNX Runtime is not installed or lacks the
            device.
    """

    def __init__(self, path: str | Path, device: str | None = None, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(f'{path}: needs ONNX Runtime: pip install "mmseg_ext[onnx]"') from error
        if not Path(path).is_file():
            raise InputError(f'{path}: no such model file')
        providers = onnxruntime.get_available_providers()
        self.device = device or ('cuda' if 'CUDAExecutionProvider' in providers else 'cpu')
        provider = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider'}.get(self.device)
        if provider not in providers:
            raise InputError(f'--device {self.device}: ONNX Runtime has no such device here; it has {providers}')
        options = onnxruntime.SessionOptions()
        # By itself it starts a thread for each core of the machine, also where the process may use one of them only.
        options.intra_op_num_threads = threads or usable_cores()
        options.log_severity_level = ERRORS_ONLY
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
        except Exception as error:  # ONNX Runtime's exceptions share no class of their own
            reason = ' '.join(str(error).split())[:200]
            raise InputError(f'{path}: is no ONNX model, or a damaged one ({reason}); export it anew') from error
        metadata = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if metadata is None:
            raise InputError(f'{path}: does not say what its classes are; export it with tools/export.py')
        self.info = ModelInfo.from_json(metadata, str(path))
        self.input_name = self.session.get_inputs()[0].name

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map normalised photographs (N, 3, H, W) to logits (N, K, H, W)."""
        (result,) = self.session.run(None, {self.input_name: inputs})
        logits: NDArray[np.float32] = result
        return logits


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
