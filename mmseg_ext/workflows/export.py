"""Export of a trained model or an ensemble to ONNX, in float32 and optionally in int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.images import Pixels, read_upright
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path, refuse_existing
from mmseg_ext.inference.ensemble import read_ensemble
from mmseg_ext.inference.export_ensemble import export_ensemble
from mmseg_ext.inference.export_int8 import Int8Report, check_split, export_int8
from mmseg_ext.inference.export_onnx import Agreement, export_onnx
from mmseg_ext.runs.config import load_config
from mmseg_ext.workflows.predict import find_images

SYNTHETIC_SIDE = 192  # pixels
INT8_SUFFIX = '.int8.onnx'


@dataclass(frozen=True)
class ExportedModel:
    """Files and measurements of an export.

    Attributes:
        path: The ONNX file.
        agreement: How far the exported model and the original agree.
        images: Description of the images they were compared on.
        int8_path: The quantised model; None where none was asked for.
        int8: Its comparison with float32.
    """

    path: Path
    agreement: Agreement
    images: str
    int8_path: Path | None = None
    int8: Int8Report | None = None


def export_model(
    config_path: str | Path,
    checkpoint: str | Path | None,
    out: str | Path,
    *,
    images: Sequence[str] = (),
    count: int = 32,
    int8: str | Path | None = None,
    labels: str = 'labels',
    overwrite: bool = False,
) -> ExportedModel:
    """Write ``out``, and with ``int8`` the same model quantised, with the suffix ``.int8.onnx``.

    Args:
        config_path: The experiment that the checkpoint was trained with, or an ensemble (.yaml).
        checkpoint: Its weights, or the work dir whose best checkpoint is meant; None for an ensemble.
        out: The ``.onnx`` file.
        images: Files, folders and patterns of images to compare the engines on; the validation images of the config
            (of an ensemble, of its first member with one), or synthetic ones, by default.
        count: Number of images to compare on; of the config's validation images, at most as many as there are.
        int8: The data set whose validation images quantise and score the int8 model; None for no such model.
        labels: The label set to score against.
        overwrite: Replace existing files.

    Raises:
        InputError: An input cannot be used, a file exists, or the engines disagree (exit code 1).
    """
    out = Path(out)
    if out.suffix != '.onnx':
        raise InputError(f'`out={out}`', 'must end in .onnx')
    int8_path = None if int8 is None else out.with_suffix(INT8_SUFFIX)
    refuse_existing([out, *([int8_path] if int8_path else [])], overwrite)
    if int8 is not None:
        check_split(int8, labels)
    with atomic_path(out) as temporary:  # nothing is left of an export whose int8 model fails
        if checkpoint is None:
            configs = [entry.model for entry in read_ensemble(config_path) if entry.checkpoint is not None]
            pixels, description = choose_check_images(configs[0] if configs else None, images, count)
            agreement = export_ensemble(config_path, temporary, pixels)
        else:
            pixels, description = choose_check_images(config_path, images, count)
            agreement = export_onnx(config_path, checkpoint, temporary, pixels)
        report = None
        if int8 is not None and int8_path is not None:
            report = export_int8(temporary, int8_path, int8, labels)
    return ExportedModel(out, agreement, description, int8_path, report)


def choose_check_images(config_path: str | Path | None, images: Sequence[str], count: int) -> tuple[list[Pixels], str]:
    """Choose the images to compare two engines on, spread evenly over those available.

    Args:
        config_path: The experiment whose validation images are taken by default; None for synthetic ones.
        images: Files, folders and patterns to take instead.
        count: Number of images; of the config's, at most as many as there are.

    Returns:
        The images (H, W, 3), RGB, and a description. Where the config's validation images are not here, they are
        synthetic: any image shows whether two engines agree.

    Raises:
        InputError: A source is or holds no image, or the given ones are fewer than ``count``.
    """
    if images:
        paths = find_images(images)
        if len(paths) < count:
            raise InputError('`images`', f'{len(paths)} found, but {count} are needed', 'give more, or a lower `count`')
        return _read(paths, count), 'given images'
    loader = (None if config_path is None else load_config(config_path).get('val_dataloader')) or {}
    dataset = loader.get('dataset') or {}
    folder = Path(str(dataset.get('data_root'))) / 'img' / str(dataset.get('split'))
    paths = list(list_stems(folder, IMAGE_SUFFIXES).values()) if folder.is_dir() else []
    if paths:
        return _read(paths, min(count, len(paths))), f'images of {folder}'
    from mmseg_ext.demo.scene import render_scene

    rng = np.random.default_rng(0)
    scenes = [render_scene(rng, SYNTHETIC_SIDE, 1 + index % 2) for index in range(count)]
    return [scene.image for scene in scenes], 'synthetic images'


def _read(paths: Sequence[Path], count: int) -> list[Pixels]:
    chosen = np.linspace(0, len(paths) - 1, count).round().astype(int)
    return [read_upright(paths[index]).pixels for index in chosen]
