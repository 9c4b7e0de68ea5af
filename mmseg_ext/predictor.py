"""A trained model from its files, ready to predict: `mmseg_ext.Predictor`."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from mmseg_ext.cli import ArgumentParser
from mmseg_ext.errors import InputError
from mmseg_ext.inference.model_info import Mode
from mmseg_ext.inference.network import Network
from mmseg_ext.inference.network_predictor import NetworkPredictor
from mmseg_ext.inference.photo import PhotoRules
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
        rules: PhotoRules | None = None,
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
    from mmseg_ext.engine.torch_network import TorchNetwork

    return TorchNetwork(model, checkpoint, dtype, device)


def add_model_arguments(parser: ArgumentParser) -> None:
    """Add what every tool that predicts takes; `predictor_from` reads it."""
    parser.add_argument('--tta', action='store_true', help="average the sizes and flips of the config's tta_pipeline")
    parser.add_argument(
        '--size', type=int, metavar='N', help='longest side of a photograph in the network (default: as in the config)'
    )
    parser.add_argument(
        '--mode', choices=get_args(Mode),
        help='see photographs whole, or slide tiles over them, by default in their own size (default: as the config)',
    )  # fmt: skip
    parser.add_argument('--batch', type=int, default=8, metavar='N', help='views in a batch (default 8)')
    parser.add_argument('--device', metavar='NAME', help='cpu or cuda (default: a GPU where there is one)')
    parser.add_argument('--dtype', choices=['bfloat16', 'float16'], help='half precision (float16: GPU; not for ONNX)')
    parser.add_argument(
        '--background', type=_colour, default=PhotoRules.background, metavar='R,G,B',
        help='colour behind transparent pixels (default 255,255,255)',
    )  # fmt: skip
    parser.add_argument(
        '--max-pixels', type=above_zero, default=PhotoRules.most_pixels / 1e6, metavar='M',
        help=f'refuse photographs of more megapixels (default {PhotoRules.most_pixels / 1e6:g})',
    )  # fmt: skip


def split_model(files: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Part what stands before the photographs on the command line: one .onnx file, or a config and a checkpoint."""
    count = 1 if Path(files[0]).suffix.lower() == ONNX else 2
    return tuple(files[:count]), list(files[count:])


def predictor_from(model: Sequence[str], args: Namespace) -> Predictor:
    """Open a model with the arguments of `add_model_arguments`.

    Raises:
        InputError: A file or argument cannot be used.
    """
    rules = PhotoRules(int(args.max_pixels * 1e6), args.background)
    return Predictor(
        *model, tta=args.tta, size=args.size, mode=args.mode, batch_size=args.batch, device=args.device,
        dtype=args.dtype, rules=rules,
    )  # fmt: skip


def _colour(text: str) -> tuple[int, int, int]:
    values = tuple(int(part) for part in text.split(','))
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ArgumentTypeError(f'{text}: must be three numbers of 0–255')
    return values


def above_zero(text: str) -> float:
    """The type of an argument that must be a number above 0."""
    value = float(text)
    if not 0 < value < 1e6:
        raise ArgumentTypeError(f'{text}: must lie above 0')
    return value
