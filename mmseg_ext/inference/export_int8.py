"""Static 8-bit quantisation of an ONNX model, scored and timed on the validation images."""

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

from mmseg_ext.data.check import Decoded, PairCheck, pair_files
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Split
from mmseg_ext.data.images import Pixels, from_array
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError, installing
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.scores import scores_from_confusion
from mmseg_ext.files import atomic_path
from mmseg_ext.inference.network import ModelInfo
from mmseg_ext.inference.onnx_network import OnnxNetwork
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.views import Views, view_of
from mmseg_ext.progress import track

SPLIT = 'val'
CALIBRATION_IMAGES = 32


@dataclass(frozen=True)
class Int8Report:
    """Comparison of a model in float32 with the same in int8.

    Attributes:
        images: Number of images that both were scored and timed on.
        dice: mDice of float32 and int8, 0–1.
        seconds: Median seconds per image of each, on one thread: normalisation, network and mask.
        sizes: Bytes of the two files.
    """

    images: int
    dice: tuple[float, float]
    seconds: tuple[float, float]
    sizes: tuple[int, int]


def export_int8(model: str | Path, out: str | Path, data: str | Path, labels: str = 'labels') -> Int8Report:
    """Quantise an exported model, and score and time both on the validation images.

    Static quantisation (Jacob et al., arXiv 1712.05877): the ranges of the activations come from 32 of the images,
    without their masks; weights have one scale per channel.

    Args:
        model: The model in float32.
        out: The model to write.
        data: The data set: ``img/val`` and ``<labels>/val``.
        labels: The label set to score against.

    Raises:
        InputError: An input cannot be used, or a package is missing.
    """
    images, masks = read_split(data, labels, OnnxNetwork(model, 'cpu', 1).info)
    chosen = np.linspace(0, len(images) - 1, min(CALIBRATION_IMAGES, len(images))).round().astype(int)
    with atomic_path(out) as temporary:
        quantise(model, temporary, [images[index] for index in chosen])
    return _compare(model, out, images, masks)


def read_split(data: str | Path, labels: str, info: ModelInfo) -> tuple[list[Pixels], list[Mask]]:
    """Read the images (H, W, 3), RGB, of the validation split, and their masks (H, W).

    Raises:
        InputError: The split or a mask is missing or cannot be used, or its classes are not the model's.
    """
    root = Path(data)
    if Classes.read(root).names != info.classes.names:
        raise InputError(root, f'its classes differ from those of the model ({", ".join(info.classes.names)})')
    pairs = check_split(root, labels)
    return [image for image, _ in pairs], [mask for _, mask in pairs if mask is not None]


def check_split(data: str | Path, labels: str) -> list[Decoded]:
    """Read the images of the validation split with their masks.

    Raises:
        InputError: The split or a mask is missing or cannot be used.
    """
    split = Split(Path(data), SPLIT, labels)
    for folder in (split.image_folder, split.mask_folder):
        if not folder.is_dir():
            raise InputError(folder, 'not found', 'static quantisation needs validation images and their masks')
    check = PairCheck(pair_files(split), Classes.read(data), split)
    pairs: dict[int, Decoded] = {}
    check.check_at_once(check.look_at_headers(), pairs.__setitem__, pairs=len(check.items))
    return [pairs[position] for position in range(len(pairs))]


def quantise(model: str | Path, out: str | Path, images: Sequence[Pixels]) -> None:
    """Write a model whose convolutions compute in 8-bit integers, with the same metadata.

    Args:
        model: The model in float32.
        out: The model to write.
        images: Images (H, W, 3), RGB, that the ranges of the activations are taken from.

    Raises:
        InputError: The package onnx is missing.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise InputError(str(error.name), 'is not installed', installing('export')) from error
    network = OnnxNetwork(model, 'cpu', 1)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._inputs = _calibration_inputs(network, images)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._inputs, None)

    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as folder:
            prepared = Path(folder) / 'prepared.onnx'
            quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)  # its sizes are free
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


def _calibration_inputs(network: OnnxNetwork, images: Sequence[Pixels]) -> Iterator[dict[str, NDArray[np.float32]]]:
    for image in track(images, 'calibrating', len(images)):
        yield {network.input_name: view_of(image, network.info)}


def _compare(model: str | Path, int8: str | Path, images: Sequence[Pixels], masks: Sequence[Mask]) -> Int8Report:
    """Predict with both in turn, so that other load of the machine affects both."""
    networks = [OnnxNetwork(path, 'cpu', 1) for path in (model, int8)]
    predictors = [Predictor(network, views=Views((network.info.size,))) for network in networks]
    classes = predictors[0].classes
    counts: list[Any] = [0, 0]
    seconds: list[list[float]] = [[], []]
    for index, (image, mask) in enumerate(track(list(zip(images, masks, strict=True)), 'scoring', len(images))):
        for model_index, predictor in enumerate(predictors):
            start = time.perf_counter()
            predicted = predictor.predict(from_array(image)).mask
            seconds[model_index].append(time.perf_counter() - start)
            counts[model_index] += confusion_matrix(
                predicted, mask, len(classes.names), classes.ignore_index, f'validation image {index + 1}'
            )
    dice = [float(scores_from_confusion(count)['mDice']) for count in counts]
    medians = [float(np.median(taken)) for taken in seconds]
    sizes = [Path(path).stat().st_size for path in (model, int8)]
    return Int8Report(len(images), (dice[0], dice[1]), (medians[0], medians[1]), (sizes[0], sizes[1]))
