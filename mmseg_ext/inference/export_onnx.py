"""Export of a trained model to a self-describing ONNX file, checked against torch."""

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
from mmseg_ext.errors import InputError, installing, one_line
from mmseg_ext.files import atomic_path
from mmseg_ext.inference.network import Network
from mmseg_ext.inference.onnx_network import MAX_REASON_CHARACTERS, METADATA_KEY, OnnxNetwork
from mmseg_ext.inference.torch_network import TorchNetwork, full_size_logits
from mmseg_ext.inference.views import normalise, resize, view_of

OPSET = 18  # the first that the exporter writes without conversion
INPUT_NAME, OUTPUT_NAME = 'image', 'logits'
MIN_EQUAL_SHARE = 0.999  # of the pixels
EXAMPLE_SHAPE = (2, 3, 128, 160)  # the exporter would make a size of 1 constant, and two equal sides one variable
MIXED_BATCH_SIZE, MIXED_BATCH_SHAPE = 4, (192, 256)  # images compared as one batch of another shape


@dataclass(frozen=True)
class Agreement:
    """How far the outputs of two networks agree on the same images.

    Attributes:
        images: Number of images.
        largest: Largest absolute difference of a logit.
        equal: Share of the pixels with the same class, 0–1.
    """

    images: int
    largest: float
    equal: float


class _Exported(nn.Module):
    """The exported part of a model: normalised images (N, 3, H, W) to logits (N, K, H, W)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return full_size_logits(self.model, inputs)


def export_onnx(
    config_path: str | Path, checkpoint: str | Path, out: str | Path, images: Sequence[Pixels]
) -> Agreement:
    """Write a model with its classes, palette, normalisation and sizes, if ONNX Runtime agrees with torch.

    Batch size, height and width are free (height and width in steps of 32).

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        out: The ``.onnx`` file.
        images: Images (H, W, 3), RGB, uint8, on which ONNX Runtime and torch must agree.

    Returns:
        How far they agree.

    Raises:
        InputError: An input cannot be used, a package is missing, or fewer than 99.9 % of the pixels get the same class
            (exit code 1). Then nothing is written.
    """
    network = TorchNetwork(config_path, checkpoint, device='cpu')
    with atomic_path(out) as temporary:
        write_onnx(network, temporary)
        agreement = compare(network, OnnxNetwork(temporary, 'cpu'), images)
        if agreement.equal < MIN_EQUAL_SHARE:
            raise InputError(
                out,
                f'only {agreement.equal:.3%} of the pixels get the same class as in torch (goal '
                f'{MIN_EQUAL_SHARE:.1%}; logits differ by up to {agreement.largest:.3g}); it was not written',
                exit_code=1,
            )
    return agreement


def write_onnx(network: TorchNetwork, path: Path) -> None:
    """Convert a network with ``torch.export``; tracing (``dynamo=False``) would fix sizes in SegFormer and U-Net.

    Raises:
        InputError: The package onnx or onnxscript is missing, or the model cannot be converted.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch imports it late, with a message that does not name the extra
    except ImportError as error:
        raise InputError(str(error.name), 'is not installed', installing('export')) from error
    free = torch.export.Dim.DYNAMIC
    shapes = ({0: free, 2: free, 3: free},)
    model = _Exported(network.model).eval().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    try:
        with _quiet():
            program = torch.onnx.export(
                model, (torch.randn(EXAMPLE_SHAPE),), input_names=[INPUT_NAME], output_names=[OUTPUT_NAME],
                opset_version=OPSET, dynamo=True, dynamic_shapes=shapes, external_data=False,
            )  # fmt: skip
    except torch.onnx.OnnxExporterError as error:
        reason = one_line(error.__cause__ or error)[:MAX_REASON_CHARACTERS]
        raise InputError('model', f'cannot be converted to ONNX ({reason})') from error
    assert program is not None
    proto = program.model_proto
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, {METADATA_KEY: network.info.to_json()})
    for part in (proto.graph, *proto.graph.node, *proto.graph.value_info):
        del part.metadata_props[:]  # stack traces, which hold paths of this machine
    onnx.save(proto, path)


def compare(original: Network, exported: Network, images: Sequence[Pixels]) -> Agreement:
    """Run two networks on the same images: the first ones singly, the last four as a batch of another shape."""
    largest, equal, pixels = 0.0, 0, 0
    for inputs in _inputs(original, images):
        a, b = original.logits(inputs), exported.logits(inputs)
        largest = max(largest, float(np.abs(a - b).max()))
        equal += int((_classes(a) == _classes(b)).sum())
        pixels += _classes(a).size
    return Agreement(len(images), largest, equal / pixels)


def _inputs(network: Network, images: Sequence[Pixels]) -> Iterator[NDArray[np.float32]]:
    batch = images[-MIXED_BATCH_SIZE:] if len(images) > MIXED_BATCH_SIZE else []
    for image in images[: len(images) - len(batch)]:
        yield view_of(image, network.info)
    if batch:
        yield normalise(np.stack([resize(image, *MIXED_BATCH_SHAPE) for image in batch]), network.info)


def _classes(logits: NDArray[np.float32]) -> NDArray[np.intp]:
    return (logits[:, 0] > 0).astype(np.intp) if logits.shape[1] == 1 else logits.argmax(axis=1)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's output (a page per model) from the console; failures raise."""
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
