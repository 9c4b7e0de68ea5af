"""Test of an exported model or an ensemble on a split, with the results that the test of a config writes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.data.check import PairCheck, pair_files
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import MASK_SUFFIX, Item, Split
from mmseg_ext.data.images import read_upright
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.evaluation.records import ImageRecord, read_records, write_records
from mmseg_ext.evaluation.summary import summarize
from mmseg_ext.files import check_result_folder, make_folder, staged_folder, write_json
from mmseg_ext.inference.ensemble import Entry, is_ensemble, read_ensemble
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.progress import track
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.layout import MASKS, METRICS, PROBABILITIES, RECORDS
from mmseg_ext.workflows.evaluate import RESULT_NAMES, SplitResult
from mmseg_ext.workflows.out_of_fold import runs_that_left_out

LABELS = 'labels'


def evaluate_model(
    model: str | Path,
    data: str | Path,
    split: str = 'test',
    labels: str | None = None,
    out: str | Path | None = None,
    tta: bool = False,
    probabilities: bool = False,
    overwrite: bool = False,
    out_of_fold: bool = False,
) -> SplitResult:
    """Predict a split as `Predictor` does, and score it where it has masks.

    Args:
        model: An ONNX model or an ensemble, as for `Predictor`.
        data: The data set.
        split: The split.
        labels: The label set to score against; ``labels`` by default.
        out: The result folder; ``<name of the model>-<split>[-tta]`` next to the model by default.
        tta: Test-time augmentation by each member.
        probabilities: Also keep the class probabilities of each image, ``probabilities/<stem>.npz``.
        overwrite: Replace an earlier result in ``out``.
        out_of_fold: Predict each image by those members alone that left it out (``mmseg-ext train --fold``).

    Returns:
        The result, which is written to ``out`` as by `evaluate_split`.

    Raises:
        InputError: The model, the data or the result folder cannot be used, or their classes differ.
    """
    model, root = Path(model), Path(data).expanduser()
    out = Path(out) if out is not None else model.with_name(f'{model.stem}-{split}{"-tta" if tta else ""}')
    check_result_folder(out, RESULT_NAMES, overwrite)
    classes = Classes.read(root)
    items = pair_files(Split(root, split, labels or LABELS), masks_optional=labels is None)
    entries = read_ensemble(model) if is_ensemble(model) else []
    predictor = Predictor(model, tta=tta)
    predictors = dict.fromkeys((item.stem for item in items), predictor)
    if out_of_fold:
        predictors = _out_of_fold(model, entries, predictor, [item.stem for item in items], split)
    if predictor.classes.names != classes.names:
        raise InputError(
            root, f'has the classes {", ".join(classes.names)}, but the model has {", ".join(predictor.classes.names)}',
            'give a data set with the classes of the model',
        )  # fmt: skip
    check = PairCheck(items, classes, items[0].split)
    check.check_at_once(check.look_at_headers(), pairs=len(items))
    with staged_folder(out) as staging:
        rows = []
        for item in track(items, 'testing', len(items)):
            row = _test_item(predictors[item.stem], item, classes, staging, probabilities)
            rows += [] if row is None else [row]
        metrics: dict[str, Any] = {
            'config': str(model),
            'checkpoint': str(model),
            'members': [{'model': member.name or str(model), 'weight': member.weight} for member in predictor.members],
            'data_root': str(root),
            'split': split,
            'labels': labels or LABELS,
            'tta': tta or (bool(entries) and all(entry.tta for entry in entries)),
            **({'out_of_fold': True} if out_of_fold else {}),
            'images': len(items),
            'environment': describe_environment(sys.argv),
        }
        if rows:
            write_records(staging / RECORDS, rows, classes.names)
            metrics['scores'] = summarize(read_records(staging / RECORDS))
        write_json(staging / METRICS, metrics)
    return SplitResult(out, len(items), metrics)


def _out_of_fold(
    model: Path, entries: Sequence[Entry], predictor: Predictor, stems: Sequence[str], split: str
) -> dict[str, Predictor]:
    """Return stem → the average of those members that left the image out."""
    if not entries:
        raise InputError(model, 'is one model, which has no folds', 'give an ensemble of the runs of all folds')
    for entry in entries:
        if entry.checkpoint is None:
            raise InputError(entry.name, 'does not tell which fold it left out', 'give the work dir instead')
    positions = {entry.name: position for position, entry in enumerate(entries)}
    left_out = runs_that_left_out({entry.name: entry.model for entry in entries}, stems, split)
    groups = {
        names: predictor.choose([positions[name] for name in names]) for names in dict.fromkeys(left_out.values())
    }
    return {stem: groups[names] for stem, names in left_out.items()}


def _test_item(
    predictor: Predictor, item: Item, classes: Classes, out: Path, probabilities: bool
) -> ImageRecord | None:
    """Predict one image, write its files, and count its pixels where it has a mask."""
    assert item.image is not None  # `pair_files` refuses masks without one
    prediction = predictor.predict(read_upright(item.image, predictor.rules))
    write_mask(make_folder(out / MASKS) / f'{item.stem}{MASK_SUFFIX}', prediction.mask, classes.palette)
    if probabilities:
        save_probabilities(make_folder(out / PROBABILITIES) / f'{item.stem}.npz', prediction.probabilities)
    if item.mask is None:
        return None
    truth = read_mask(item.mask)
    counts = confusion_matrix(prediction.mask, truth, len(classes.names), classes.ignore_index, str(item.mask))
    height, width = truth.shape
    return ImageRecord(item.stem, item.split.name, str(item.image), str(item.mask), height, width, counts)
