"""Prediction of photographs of any kind and size by a trained network: as a library, for folders, and as a local page.

Nothing here needs torch or mmseg: a network is whatever gives logits (`mmseg_ext.inference.network.Network`). An ONNX
file is one by itself; `mmseg_ext.inference.torch_network` makes one of a config and its checkpoint.
"""
