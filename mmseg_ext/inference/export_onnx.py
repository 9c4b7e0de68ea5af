"""A trained model as an ONNX file that says itself how it is used, proved equal to what it was made of."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mmseg_ext.data.images import Pixels
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path
from mmseg_ext.inference.network import Network, normalise
from mmseg_ext.inference.onnx_network import METADATA_KEY, OnnxNetwork
from mmseg_ext.inference.torch_network import TorchNetwork, full_size_logits
from mmseg_ext.inference.views import resize, view_of

OPSET = 18  # the first one that the exporter writes without converting
INPUT, OUTPUT = 'image', 'logits'
EQUAL_PIXELS = 0.999
EXAMPLE_SHAPE = (2, 3, 128, 160)  # the exporter would take a size of 1 for a constant, and equal sides for one


@dataclass(frozen=True)
class Agreement:
    """How a network's output differs from that of another on the same photographs.

    Attributes:
        images: How many there were.
        largest: The largest absolute difference of a logit.
        equal: Share of the pixels that get the same class, 0–1.
    """

    images: int
    largest: float
    equal: float


class _Exported(nn.Module):
    """What is written: from normalised photographs to logits of their size."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return full_size_logits(self.model, inputs)


def export_onnx(
    config_path: str | Path, checkpoint: str | Path, out: str | Path, images: Sequence[Pixels]
) -> Agreement:
    """Write a model with its classes, palette, normalisation and sizes, once it agrees with torch.

    Batch, height and width are free (height and width in steps of 32).

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        out: The ``.onnx`` file.
        images: Photographs (H, W, 3), RGB, on which ONNX Runtime and torch must agree.

    Returns:
        How far they do.

    Raises:
        InputError: An input cannot be used, a library is missing, or fewer than 99.9 % of the pixels get the same class
            (exit code 1). Nothing is written then.
    """
    network = TorchNetwork(config_path, checkpoint, device='cpu')
    with atomic_path(out) as temporary:
        write_onnx(network, temporary)
        agreement = compare(network, OnnxNetwork(temporary, 'cpu'), images)
        if agreement.equal < EQUAL_PIXELS:
            raise InputError(
                f'{out}: only {agreement.equal:.3%} of the pixels get the class that torch gives them (goal '
                f'{EQUAL_PIXELS:.1%}; logits differ by up to {agreement.largest:.3g}); it has not been written',
                exit_code=1,
            )
    return agreement


def write_onnx(network: TorchNetwork, path: Path) -> None:
    """Convert a network by ``torch.export``: tracing (``dynamo=False``) would fix sizes in SegFormer and U-Net.

    Raises:
        InputError: The packages onnx or onnxscript are missing, or the model cannot be converted.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch imports it late, and its own message names no remedy of ours
    except ImportError as error:
        raise InputError(f'needs {error.name}, which is not installed: pip install "mmseg_ext[export]"') from error
    free = torch.export.Dim.DYNAMIC
    shapes = ({0: free, 2: free, 3: free},)
    model = _Exported(network.model).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    try:
        with _quiet():
            program = torch.onnx.export(
                model, (torch.randn(EXAMPLE_SHAPE),), input_names=[INPUT], output_names=[OUTPUT],
                opset_version=OPSET, dynamo=True, dynamic_shapes=shapes, external_data=False,
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        reason = ' '.join(str(error.__cause__ or error).split())[:300]
        raise InputError(f'the model cannot be converted to ONNX ({reason})') from error
    assert program is not None
    proto = program.model_proto
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, {METADATA_KEY: network.info.to_json()})
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info):
        del part.metadata_props[:]  # stack traces, which name folders of the machine
    onnx.save(proto, path)


def compare(one: Network, other: Network, images: Sequence[Pixels]) -> Agreement:
    """Run two networks on the same photographs: the first ones one by one, the last four as a batch of other shape."""
    largest, equal, pixels = 0.0, 0, 0
    for inputs in _inputs(one, images):
        a, b = one.logits(inputs), other.logits(inputs)
        largest = max(largest, float(np.abs(a - b).max()))
        equal += int((_classes(a) == _classes(b)).sum())
        pixels += _classes(a).size
    return Agreement(len(images), largest, equal / pixels)


def _inputs(network: Network, images: Sequence[Pixels]) -> Iterator[NDArray[np.float32]]:
    together = images[-4:] if len(images) > 4 else []
    for image in images[: len(images) - len(together)]:
        yield view_of(image, network.info)
    if together:
        yield normalise(np.stack([resize(image, 192, 256) for image in together]), network.info)


def _classes(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    return (logits[:, 0] > 0).astype(np.intp) if logits.shape[1] == 1 else logits.argmax(axis=1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks (a page for each model) from the console; what fails raises."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            open(os.devnull, 'w') as nowhere,
            redirect_stdout(nowhere),
            redirect_stderr(nowhere),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(disabled)
