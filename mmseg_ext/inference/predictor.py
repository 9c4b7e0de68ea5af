"""A trained model from its files, ready to predict: `mmseg_ext.Predictor`."""

from __future__ import annotations

from pathlib import Path

from mmseg_ext.data.images import ImageRules
from mmseg_ext.errors import InputError
from mmseg_ext.inference.model_info import Mode
from mmseg_ext.inference.network import Network
from mmseg_ext.inference.network_predictor import NetworkPredictor
from mmseg_ext.inference.views import choose_views

ONNX = '.onnx'


class Predictor(NetworkPredictor):
    """A trained model.

    ``Predictor(config, checkpoint)`` needs torch and mmseg; ``Predictor('model.onnx')`` neither of them.

    Args:
        model: A config file, or a model that ``tools/export.py`` has written.
        checkpoint: The config's weights, or the work dir whose best checkpoint is meant. Not for an ONNX model.
        tta: Average several sizes and their mirror images: those of the config's ``tta_pipeline``.
        size: Longest side of a view in pixels; what the config tests with by default.
        mode: ``whole``, or ``slide`` for tiles over the photograph in its own size; the config's by default.
        batch_size: How many views or tiles of one shape go through the network together.
        device: ``cpu`` or ``cuda``; a GPU where there is one by default.
        dtype: ``bfloat16`` or ``float16`` (GPU only) for speed at some cost in exactness. Not for an ONNX model.
        rules: Which photographs are accepted.

    Raises:
        InputError: A file cannot be used.
    """

    def __init__(
        self,
        model: str | Path,
        checkpoint: str | Path | None = None,
        *,
        tta: bool = False,
        size: int | None = None,
        mode: Mode | None = None,
        batch_size: int = 8,
        device: str | None = None,
        dtype: str | None = None,
        rules: ImageRules | None = None,
    ) -> None:
        network = _open_network(model, checkpoint, device, dtype)
        super().__init__(network, choose_views(network.info, tta, size, mode), batch_size, rules)


def _open_network(model: str | Path, checkpoint: str | Path | None, device: str | None, dtype: str | None) -> Network:
    if Path(model).suffix.lower() == ONNX:
        if checkpoint is not None or dtype is not None:
            raise InputError(f'{model}: an ONNX model takes neither a checkpoint nor a dtype; leave them out')
        from mmseg_ext.inference.onnx_network import OnnxNetwork

        return OnnxNetwork(model, device)
    if checkpoint is None:
        raise InputError(f'{model}: is no .onnx file, so it is taken for a config, which needs a checkpoint too')
    from mmseg_ext.inference.torch_network import TorchNetwork

    return TorchNetwork(model, checkpoint, dtype, device)
