"""Networks of which every output is known: a weighted sum of the colours of each pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.inference.network import ModelInfo

CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (220, 60, 60), (60, 100, 230)))
INFO = ModelInfo(CLASSES, mean=(10.0, 20.0, 30.0), std=(2.0, 4.0, 5.0))
# Background where blue is strongest, cat where red is, dog where green is.
WEIGHTS = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)


class ColourNetwork:
    """Logits are the undone normalisation of each pixel's colour, mixed by a matrix (K, 3); calls are written down."""

    def __init__(self, info: ModelInfo = INFO, weights: NDArray[np.float32] = WEIGHTS) -> None:
        self.info = info
        self.weights = weights
        self.calls: list[tuple[int, ...]] = []

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls.append(inputs.shape)
        mean, std = (np.array(values, np.float32)[:, None, None] for values in (self.info.mean, self.info.std))
        colours = inputs * std + mean
        if self.info.channels == 'bgr':
            colours = colours[:, ::-1]
        return np.einsum('kc,nchw->nkhw', self.weights, colours).astype(np.float32)


def save_onnx(path: Path, info: ModelInfo | None = INFO, weights: NDArray[np.float32] = WEIGHTS) -> Path:
    """The same as one 1×1 convolution in an ONNX file; without ``info`` it has no metadata."""
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    facts = info or INFO
    mean, std = np.array(facts.mean, np.float32), np.array(facts.std, np.float32)
    kernel, bias = weights * std, weights @ mean
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    shape = ['n', 3, 'h', 'w'], ['n', len(weights), 'h', 'w']
    graph = helper.make_graph(
        [helper.make_node('Conv', ['image', 'kernel', 'bias'], ['logits'])],
        'colours',
        [helper.make_tensor_value_info('image', float32, shape[0])],
        [helper.make_tensor_value_info('logits', float32, shape[1])],
        [
            onnx.numpy_helper.from_array(kernel[:, :, None, None], 'kernel'),
            onnx.numpy_helper.from_array(bias, 'bias'),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    if info is not None:
        helper.set_model_props(model, {'mmseg_ext': info.to_json()})
    onnx.save(model, path)
    return path
