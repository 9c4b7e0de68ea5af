"""Prediction of images of any kind and size: one `Predictor` over torch or ONNX Runtime, export, files, a local page.

Only `torch_network`, `export_onnx` and `export_ensemble` import torch. It may import engine and what is below.
"""

from mmseg_ext.inference.network import ModelInfo, Network
from mmseg_ext.inference.onnx_network import OnnxNetwork
from mmseg_ext.inference.prediction import Prediction
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.views import Views

__all__ = ['ModelInfo', 'Network', 'OnnxNetwork', 'Prediction', 'Predictor', 'Views']
