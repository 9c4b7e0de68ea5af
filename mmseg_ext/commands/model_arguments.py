"""Arguments of the commands that predict."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from mmseg_ext.commands.cli import ArgumentParser, add_safe_config, number
from mmseg_ext.data.images import MAX_PIXELS, ImageRules, pixel_limit
from mmseg_ext.inference.ensemble import ONNX_SUFFIX, is_ensemble
from mmseg_ext.inference.network import Mode
from mmseg_ext.inference.predictor import Predictor

MODEL_FLAGS = {'batch_size': '--batch'}
MODEL_USAGE = '(CONFIG CHECKPOINT | MODEL.onnx | ENSEMBLE.yaml)'
MODEL_HELP = 'model: a config and its checkpoint (or work dir), an .onnx file, or an ensemble (.yaml)'


def add_model_arguments(parser: ArgumentParser, megapixels: float = MAX_PIXELS / 1e6) -> None:
    """Add what every command that predicts takes; `predictor_from` reads it.

    Args:
        parser: The parser.
        megapixels: Largest image by default.
    """
    add_safe_config(parser)
    parser.add_argument(
        '--tta', action='store_true', help="average over the sizes and flips of the config's tta_pipeline"
    )
    parser.add_argument(
        '--size', type=int, metavar='N', help='longest image side in the network (default: as in the config)'
    )
    parser.add_argument(
        '--mode', choices=get_args(Mode),
        help='whole images, or sliding tiles at full size unless --size is given (default: as in the config)',
    )  # fmt: skip
    parser.add_argument('--batch', type=int, default=8, metavar='N', help='views per batch (default: 8)')
    parser.add_argument('--device', metavar='NAME', help='cpu or cuda (default: a GPU if there is one)')
    parser.add_argument(
        '--dtype', choices=['bfloat16', 'float16'], help='half precision (float16 needs a GPU; not for ONNX)'
    )
    parser.add_argument(
        '--background-colour', type=_colour, default=ImageRules.background, metavar='R,G,B',
        help='colour behind transparent pixels (default: 255,255,255)',
    )  # fmt: skip
    parser.add_argument(
        '--max-pixels', type=number(0.001, 100_000), default=pixel_limit(int(megapixels * 1e6)) / 1e6, metavar='M',
        help=f'reject images larger than M megapixels (default: {megapixels:g})',
    )  # fmt: skip


def split_model(files: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Split the model from what follows it: one .onnx file or ensemble, or a config and a checkpoint."""
    count = 1 if Path(files[0]).suffix.lower() == ONNX_SUFFIX or is_ensemble(files[0]) else 2
    return tuple(files[:count]), list(files[count:])


def predictor_from(model: Sequence[str], args: Namespace) -> Predictor:
    """Open a model with the arguments of `add_model_arguments`.

    Raises:
        InputError: A file or argument cannot be used.
    """
    rules = ImageRules(int(args.max_pixels * 1e6), args.background_colour)
    return Predictor(
        *model, tta=args.tta, size=args.size, mode=args.mode, batch_size=args.batch, device=args.device,
        dtype=args.dtype, rules=rules,
    )  # fmt: skip


def _colour(text: str) -> tuple[int, int, int]:
    parts = text.split(',')
    if len(parts) != 3 or not all(part.strip().isdecimal() and int(part) <= 255 for part in parts):
        raise ArgumentTypeError(f'{text}: must be three numbers from 0 to 255')
    red, green, blue = map(int, parts)
    return red, green, blue
