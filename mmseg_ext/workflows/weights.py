"""Pretrained weights: the table with where each is now, getting them, conversion from other libraries' files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_ext.errors import InputError, installing
from mmseg_ext.files import refuse_existing
from mmseg_ext.weights import PUBLISHED, PublishedWeights, find, published, resolve

if TYPE_CHECKING:
    from torch import Tensor

    from mmseg_ext.engine.checkpoints.conversion import Converted

# What `--backbone` takes; the layouts are in `mmseg_ext.engine.checkpoints.conversion`, which needs torch.
KINDS = (
    'convnext', 'dinov2', 'efficientnet-lite', 'mit', 'mobilenet-v2', 'resnet', 'resnet-v1c', 'resnet-v2',
    'resnet-v2-c4', 'vgg',
)  # fmt: skip
WITH_BATCH_NORMS = frozenset({'efficientnet-lite', 'mobilenet-v2', 'resnet', 'resnet-v1c', 'resnet-v2', 'resnet-v2-c4'})


@dataclass(frozen=True)
class WeightsRow:
    """One row of the table.

    Attributes:
        weights: The entry.
        where: ``folder``, ``package`` or ``cache`` where the file is on this machine; else how it can be got:
            ``by pip``, ``by download`` or ``by conversion``; or ``wrong package``.
        path: The file, if it is on this machine.
    """

    weights: PublishedWeights
    where: str
    path: Path | None = None


def list_weights() -> Iterator[WeightsRow]:
    """List all weights of the table, with where each is found now."""
    for entry in PUBLISHED.values():
        try:
            found = find(entry.name)
        except InputError:
            yield WeightsRow(entry, 'wrong package')
            continue
        if found is not None:
            yield WeightsRow(entry, *found)
        else:
            yield WeightsRow(entry, 'by pip' if entry.package else 'by download' if entry.url else 'by conversion')


def get_weights(names: Iterable[str]) -> Iterator[Path]:
    """Find or download weights, one after another.

    Args:
        names: Names or file names of the table. All are checked before the first is downloaded.

    Raises:
        InputError: A name is not in the table, or its file cannot be got.
    """
    names = list(names)
    for name in names:
        if published(name) is None:
            raise InputError(name, f'no such weights; choose from {", ".join(PUBLISHED)}')
    yield from map(resolve, names)


def convert_weights(source: str | Path, backbone: str, out: str | Path, overwrite: bool = False) -> Converted:
    """Write published weights under the keys of our or mmsegmentation's backbone.

    Args:
        source: A state dict of tensors (``.pth``; nothing else is unpickled) or an ONNX file, whose initializers are
            read.
        backbone: Kind of backbone, one of `KINDS`.
        out: The ``.pth`` file to write.
        overwrite: Whether an existing file may be replaced.

    Returns:
        What was written, with the keys that the backbone lacks.

    Raises:
        InputError: The source cannot be read, or has another layout than those that the kind is published in.
    """
    from mmseg_ext.engine.checkpoints.conversion import convert_state
    from mmseg_ext.engine.checkpoints.files import save_checkpoint_file
    from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

    source, out = Path(source), Path(out)
    if backbone not in KINDS:
        raise InputError(f'`backbone={backbone}`', f'must be one of {", ".join(KINDS)}')
    refuse_existing([out], overwrite)
    if source.suffix == '.onnx':
        state = read_onnx(source, needs_norms=backbone in WITH_BATCH_NORMS)
    else:
        state = load_checkpoint_file(source)
    converted = convert_state(state, backbone, str(source))
    save_checkpoint_file({key: value.clone() for key, value in converted.state.items()}, out)
    return converted


def read_onnx(path: Path, needs_norms: bool = False) -> dict[str, Tensor]:
    """Read the weights of an ONNX file by name.

    Args:
        path: The file, with its weights in it.
        needs_norms: Whether batch norms that are folded into the convolutions are an error: nothing is left of their
            statistics, which training needs.

    Raises:
        InputError: The file is missing or no ONNX, the package onnx is missing, or the norms are folded.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError('ONNX', f'needs {error.name}, which is missing', installing('export')) from error
    import torch

    if not path.is_file():
        raise InputError(path, 'no such file')
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
        weights = {tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    except Exception as error:  # protobuf's, which onnx does not export
        raise InputError(path, 'is not an ONNX file, or is damaged', 'download it again') from error
    operators = {node.op_type for node in graph.node}
    if needs_norms and 'BatchNormalization' not in operators:
        raise InputError(
            path,
            'has its batch norms folded into the convolutions (as mobilenetv2-10 and -12 of the ONNX model zoo have), '
            'so the statistics needed for training are lost',
            'convert a file that has them, such as the one from torchvision',
        )
    return {name: torch.from_numpy(value) for name, value in weights.items()}
