"""Network in an ONNX file written by ``mmseg-ext export``, run by ONNX Runtime without torch or mmseg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError, installing, one_line
from mmseg_ext.inference.network import EXPORT_AGAIN, ModelInfo
from mmseg_ext.processes import usable_cores
from mmseg_ext.reading import names_file

METADATA_KEY = 'mmseg_ext'
MAX_REASON_CHARACTERS = 200
LOG_ERRORS_ONLY = 3  # ONNX Runtime's severity level


class OnnxNetwork:
    """A `Network` on ONNX Runtime.

    Args:
        path: The file.
        device: ``cpu`` or ``cuda`` (needs the package onnxruntime-gpu); a GPU where there is one by default.
        threads: Number of threads; as many as the process may use by default.

    Attributes:
        info: Classes, normalisation and sizes, from the file's metadata.
        device: ``cpu`` or ``cuda``.
        input_name: Name of the file's input.

    Raises:
        InputError: The file is missing, damaged or was not written by ``mmseg-ext export``; ONNX Runtime is not
            installed or lacks the device.
    """

    def __init__(self, path: str | Path, device: str | None = None, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise InputError(path, 'needs ONNX Runtime', installing('onnx')) from error
        if not names_file(Path(path)):
            raise InputError(path, 'no such model file')
        providers = onnxruntime.get_available_providers()
        self.device = device or ('cuda' if 'CUDAExecutionProvider' in providers else 'cpu')
        provider = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider'}.get(self.device)
        if provider not in providers:
            raise InputError(f'`device={self.device}`', f'ONNX Runtime has no such device here; available: {providers}')
        options = onnxruntime.SessionOptions()
        # By default it starts a thread for each core of the machine, even where the process may use only some of them.
        options.intra_op_num_threads = threads or usable_cores()
        options.log_severity_level = LOG_ERRORS_ONLY
        try:
            # On the CPU there is nothing to fall back to, but a page of output.
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=[provider], enable_fallback=self.device != 'cpu'
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            reason = one_line(error)[:MAX_REASON_CHARACTERS]
            raise InputError(path, f'is not an ONNX model, or is damaged ({reason})', EXPORT_AGAIN) from error
        try:
            metadata = self.session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
            taken, given = self.session.get_inputs(), self.session.get_outputs()
            names = [tensor.name for tensor in (*taken, *given)]
        except UnicodeDecodeError as error:
            raise InputError(path, f'is a damaged ONNX model ({error})', EXPORT_AGAIN) from error
        if metadata is None:
            raise InputError(path, 'does not name its classes', 'export the model with mmseg-ext export')
        self.info = ModelInfo.from_json(metadata, str(path))
        self._path = path
        if len(taken) != 1 or len(given) != 1:
            raise InputError(
                path, f'has {len(taken)} inputs and {len(given)} outputs, expected one of each', EXPORT_AGAIN
            )
        shape = given[0].shape
        if len(shape) == 4 and isinstance(shape[1], int):  # otherwise `logits` finds out
            self._check_classes(shape[1])
        self.input_name = names[0]

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map normalised images (N, 3, H, W) to logits (N, K, H, W).

        Raises:
            InputError: The network cannot be run on them, or gives something else.
        """
        try:
            (result,) = self.session.run(None, {self.input_name: inputs})
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            reason = one_line(error)[:MAX_REASON_CHARACTERS]
            raise InputError(self._path, f'cannot be run on {inputs.shape} ({reason})', EXPORT_AGAIN) from error
        logits: NDArray[np.float32] = np.asarray(result)
        if logits.ndim != 4 or (logits.shape[0], *logits.shape[2:]) != (inputs.shape[0], *inputs.shape[2:]):
            raise InputError(self._path, f'outputs {logits.shape} for {inputs.shape}', EXPORT_AGAIN)
        self._check_classes(logits.shape[1])
        return logits

    def _check_classes(self, outputs: int) -> None:
        names = self.info.classes.names
        if outputs != len(names) and (outputs, len(names)) != (1, 2):  # one output tells an object from the background
            problem = f'has {outputs} outputs, but its metadata names {len(names)} classes: {", ".join(names)}'
            raise InputError(self._path, problem, EXPORT_AGAIN)
