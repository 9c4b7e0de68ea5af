"""An ONNX model in 8-bit integers, and what that costs and gains on the validation images."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, MASK_SUFFIX, list_stems
from mmseg_ext.data.images import Pixels, from_array
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.scores import scores_from_confusion
from mmseg_ext.files import atomic_path
from mmseg_ext.inference.model_info import ModelInfo
from mmseg_ext.inference.network_predictor import NetworkPredictor
from mmseg_ext.inference.onnx_network import OnnxNetwork
from mmseg_ext.inference.views import view_of
from mmseg_ext.progress import track

SPLIT = 'val'
CALIBRATION_IMAGES = 32


@dataclass(frozen=True)
class Int8Report:
    """The model in 8-bit integers beside the one in float32.

    Attributes:
        images: How many images both were scored and timed on.
        dice: mDice of float32 and int8, 0–1.
        seconds: Time an image of each, on one thread: normalisation, network and mask.
        sizes: Bytes of the two files.
    """

    images: int
    dice: tuple[float, float]
    seconds: tuple[float, float]
    sizes: tuple[int, int]


def export_int8(model: str | Path, out: str | Path, data: str | Path, labels: str = 'labels') -> Int8Report:
    """Quantise an exported model, and score and time both on the validation images.

    Static quantisation (Jacob et al., arXiv 1712.05877): the ranges of the activations are those met on 32 of the
    images; weights have one scale a channel. Only photographs enter it, no masks.

    Args:
        model: The model in float32.
        out: The model to write.
        data: The data set: ``img/val`` and ``<labels>/val``.
        labels: The label set to score against.

    Raises:
        InputError: An input cannot be used, or a package is missing.
    """
    photos, masks = read_split(data, labels, OnnxNetwork(model, 'cpu', 1).info)
    chosen = np.linspace(0, len(photos) - 1, min(CALIBRATION_IMAGES, len(photos))).round().astype(int)
    with atomic_path(out) as temporary:
        quantise(model, temporary, [photos[index] for index in chosen])
    return _compare(model, out, photos, masks)


def read_split(data: str | Path, labels: str, info: ModelInfo) -> tuple[list[Pixels], list[Mask]]:
    """The photographs (RGB, as they are stored) of the validation split, and their masks.

    Raises:
        InputError: The split or a mask is missing or damaged, or its classes are not the model's.
    """
    from mmseg_ext.data.images import read_image

    root = Path(data)
    if Classes.read(root).names != info.classes.names:
        raise InputError(f'{root}: its classes are not those of the model ({", ".join(info.classes.names)})')
    for folder in (root / 'img' / SPLIT, root / labels / SPLIT):
        if not folder.is_dir():
            raise InputError(f'{folder}: not found; static quantisation needs validation images and their masks')
    images = list_stems(root / 'img' / SPLIT, IMAGE_SUFFIXES)
    if not images:
        raise InputError(f'{root / "img" / SPLIT}: holds no image')
    photos = [read_image(path) for path in images.values()]
    return photos, [read_mask(root / labels / SPLIT / (stem + MASK_SUFFIX)) for stem in images]


def quantise(model: str | Path, out: str | Path, photos: Sequence[Pixels]) -> None:
    """Write a model whose convolutions compute in 8-bit integers; its metadata is kept.

    Args:
        model: The model in float32.
        out: The model to write.
        photos: From which the ranges of the activations are taken.

    Raises:
        InputError: The package onnx is missing.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise InputError(f'needs {error.name}, which is not installed: pip install "mmseg_ext[export]"') from error
    network = OnnxNetwork(model, 'cpu', 1)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._inputs = _calibration_inputs(network, photos)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._inputs, None)

    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / 'prepared.onnx'
            quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)  # its sizes are free on purpose
            quantize_static(
                str(prepared), str(out), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            )  # fmt: skip
    finally:
        logging.disable(disabled)
    kept = {entry.key: entry.value for entry in onnx.load(str(model), load_external_data=False).metadata_props}
    quantised = onnx.load(str(out))
    onnx.helper.set_model_props(quantised, kept)
    onnx.save(quantised, str(out))


def _calibration_inputs(network: OnnxNetwork, photos: Sequence[Pixels]) -> Iterator[dict[str, NDArray[np.float32]]]:
    for photo in track(photos, 'calibrating', len(photos)):
        yield {network.input_name: view_of(photo, network.info)}


def _compare(model: str | Path, int8: str | Path, photos: Sequence[Pixels], masks: Sequence[Mask]) -> Int8Report:
    """Predict with both in turn, so that what else the machine does meets both."""
    predictors = [NetworkPredictor(OnnxNetwork(path, 'cpu', 1)) for path in (model, int8)]
    classes = predictors[0].classes
    counts: list[Any] = [0, 0]
    seconds: list[list[float]] = [[], []]
    for index, (photo, mask) in enumerate(track(list(zip(photos, masks, strict=True)), 'scoring', len(photos))):
        for which, predictor in enumerate(predictors):
            start = time.perf_counter()
            predicted = predictor.predict(from_array(photo)).mask
            seconds[which].append(time.perf_counter() - start)
            counts[which] += confusion_matrix(
                predicted, mask, len(classes.names), classes.ignore_index, f'validation image {index + 1}'
            )
    dice = [float(scores_from_confusion(count)['mDice']) for count in counts]
    medians = [float(np.median(taken)) for taken in seconds]
    sizes = [Path(path).stat().st_size for path in (model, int8)]
    return Int8Report(len(photos), (dice[0], dice[1]), (medians[0], medians[1]), (sizes[0], sizes[1]))
