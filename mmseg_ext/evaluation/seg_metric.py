"""Segmentation metric with exact counts: scores of all classes, and a record for each image."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray
from prettytable import PrettyTable
from torch import Tensor

from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import MASK_VALUES, Counts, confusion_matrix
from mmseg_ext.evaluation.confusion_torch import batch_confusion
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.evaluation.records import ImageRecord, write_records
from mmseg_ext.evaluation.scores import CLASS_SCORES, MEAN_SCORES, Scores, absent_classes, scores_from_confusion
from mmseg_ext.registry import METRICS


@METRICS.register_module()
class SegMetric(BaseMetric):
    """Dice, IoU, Acc, Precision and Recall of each class and their means, in percent.

    The pixels of all images are counted in one confusion matrix, from which the scores follow: for true positives TP,
    false positives FP and false negatives FN of a class, ``Dice = 2 TP / (2 TP + FP + FN)``,
    ``IoU = TP / (TP + FP + FN)``, ``Acc = Recall = TP / (TP + FN)``, ``Precision = TP / (TP + FP)``. Counts are int64.
    A score whose denominator is 0 is NaN (``-`` or ``absent`` in the printed table) and left out of the means; see
    `scores_from_confusion`.

    Returned names: ``mDice``, ``mIoU``, ``mAcc``, ``mPrecision``, ``mRecall``, ``aAcc``, and ``Dice/<class>`` and so on
    for each class, so that a logger shows them and ``save_best='Dice/cat'`` works. If no image has a mask, nothing is
    returned. Class names, palette, and by default split and ignored value come from the data set's metainfo.

    Args:
        split: Split name in the records and in their file name.
        ignore_index: Value of the ground truth whose pixels are not counted, 0–255.
        records: True writes ``<split>.parquet`` into the folder set by `set_output` (``RecordsHook`` sets it), and
            nothing if none was set; a path writes that file; False writes none.
        masks: Folder for the predictions as palette PNG, ``<stem>.png``; None writes none.
        output_dir: The same, under the name that mmseg's ``IoUMetric`` and ``test.py --out`` use.
        format_only: Write masks and probabilities, and score nothing.
        keep_results: Not used; ``test.py --out`` passes it.
        probabilities: Folder for the class probabilities, ``<stem>.npz`` (`save_probabilities`); None writes none. With
            test-time augmentation the model must be a ``mmseg_ext.ProbabilityTTAModel``.
        collect_device: As in mmengine's BaseMetric.
        prefix: As in mmengine's BaseMetric.
        collect_dir: As in mmengine's BaseMetric.

    Raises:
        InputError: A mask holds a value that is not a class or differs in size from its image, or a file cannot be
            written.

    >>> import logging
    >>> logging.disable()  # do not print the table
    >>> metric = SegMetric()
    >>> metric.dataset_meta = {'classes': ('background', 'cat')}
    >>> truth, prediction = ({'data': torch.tensor([[row]])} for row in ([0, 0, 1], [0, 1, 1]))
    >>> metric.process(None, [{'img_path': 'a.jpg', 'pred_sem_seg': prediction, 'gt_sem_seg': truth}])
    >>> scores = metric.evaluate(1)
    >>> round(scores['mDice'], 2), round(scores['IoU/cat'], 2)
    (66.67, 50.0)
    >>> logging.disable(logging.NOTSET)
    """

    default_prefix = ''  # not None: mmengine warns about that

    def __init__(
        self,
        split: str | None = None,
        ignore_index: int | None = None,
        records: bool | str = True,
        masks: str | None = None,
        probabilities: str | None = None,
        output_dir: str | None = None,
        format_only: bool = False,
        keep_results: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if ignore_index is not None and not 0 <= ignore_index < MASK_VALUES:
            raise InputError(f'SegMetric: `ignore_index={ignore_index}`', 'must be a value of a mask, 0 to 255')
        self.split = split
        self.ignore_index = ignore_index
        self.records = records
        self.records_folder: Path | None = None
        masks = masks or output_dir
        self.masks_folder = None if masks is None else Path(masks)
        self.format_only = format_only
        self.probabilities_folder = None if probabilities is None else Path(probabilities)

    def set_output(self, records: str | Path | None = None, masks: str | Path | None = None) -> None:
        """Set the folders for records and predicted masks; None leaves a folder as it is."""
        if records is not None:
            self.records_folder = Path(records)
        if masks is not None:
            self.masks_folder = Path(masks)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the pixels of one batch.

        Args:
            data_batch: Not used.
            data_samples: Samples with ``img_path``, ``pred_sem_seg`` and, if known, ``gt_sem_seg``, each with ``data``
                of shape (1, H, W).
        """
        paths = [_image_path(sample) for sample in data_samples]
        predictions = [sample['pred_sem_seg']['data'] for sample in data_samples]
        if self.masks_folder is not None:
            for path, prediction in zip(paths, predictions, strict=True):
                mask = _plane(prediction).astype(np.uint8)
                write_mask(self.masks_folder / f'{Path(path).stem}.png', mask, self._meta('palette'))
        if self.probabilities_folder is not None:
            for path, sample in zip(paths, data_samples, strict=True):
                save_probabilities(self.probabilities_folder / f'{Path(path).stem}.npz', _probabilities(sample))
        split = self._split()
        counts = self._count(predictions, data_samples, paths)
        for path, prediction, sample, matrix in zip(paths, predictions, data_samples, counts, strict=True):
            height, width = prediction.shape[-2:]
            label = sample.get('seg_map_path')
            record = None
            if matrix is not None:
                record = ImageRecord(Path(path).stem, split, path, label, height, width, matrix)
            self.results.append((path, record))

    def _count(self, predictions: list[Tensor], samples: Sequence[dict], paths: list[str]) -> list[Counts | None]:
        """Count the pixels of a batch; None for images without a mask."""
        num_classes, ignored = len(self._meta('classes')), self._ignore_index()
        labelled = [index for index, sample in enumerate(samples) if 'gt_sem_seg' in sample and not self.format_only]
        predicted = [predictions[index] for index in labelled]
        true = [samples[index]['gt_sem_seg']['data'] for index in labelled]
        names = [str(samples[index].get('seg_map_path') or paths[index]) for index in labelled]
        matrices: Iterable[Counts]
        if labelled and predicted[0].device.type != 'cpu':
            matrices = batch_confusion(predicted, true, num_classes, ignored, names)
        else:
            matrices = [
                confusion_matrix(_plane(prediction), _plane(truth), num_classes, ignored, name)
                for prediction, truth, name in zip(predicted, true, names, strict=True)
            ]
        counts: list[Counts | None] = [None] * len(samples)
        for index, matrix in zip(labelled, matrices, strict=True):
            counts[index] = matrix
        return counts

    def evaluate(self, size: int) -> dict[str, float]:
        """Collect the records of all ranks and score them.

        To drop the images that a sampler adds to fill up its batches, mmengine cuts the list at ``size``, which is
        right only for one order. Here duplicates are recognized by their path, so nothing is cut.
        """
        metrics: dict[str, float] = super().evaluate(sys.maxsize)
        return metrics

    def compute_metrics(self, results: list[tuple[str, ImageRecord | None]]) -> dict[str, float]:
        """Score the records of all images, print the table and write the records."""
        rows = list(dict(results).values())
        scored = [row for row in rows if row is not None]
        if not scored:
            reason = 'not scored (`format_only`)' if self.format_only else 'no masks to score them against'
            print_log(f'{self._split()}: {len(rows)} images predicted, {reason}', 'current')
            return {}
        classes = self._meta('classes')
        confusion = np.sum([row.counts for row in scored], axis=0)
        scores = scores_from_confusion(confusion)
        title = f'{self._split()}: {len(scored)} of {len(rows)} images scored, percent'
        print_log(f'{title}\n{_table(scores, absent_classes(confusion), classes)}', 'current')
        path = self._records_path()
        if path is not None:
            write_records(path, scored, classes)
        metrics = {name: 100 * float(scores[name]) for name in (*MEAN_SCORES, 'aAcc')}
        for name in CLASS_SCORES:
            metrics |= {f'{name}/{label}': 100 * float(v) for label, v in zip(classes, scores[name], strict=True)}
        return metrics

    def _records_path(self) -> Path | None:
        if isinstance(self.records, str):
            return Path(self.records)
        if self.records and self.records_folder is not None:
            return self.records_folder / f'{self._split()}.parquet'
        return None

    def _meta(self, key: str) -> Any:
        if not self.dataset_meta or key not in self.dataset_meta:
            raise InputError(
                'SegMetric', f'the data set has no {key}', 'use mmseg_ext.FolderDataset or set its metainfo'
            )
        return self.dataset_meta[key]

    def _split(self) -> str:
        return self.split or (self.dataset_meta or {}).get('split') or 'val'

    def _ignore_index(self) -> int:
        if self.ignore_index is not None:
            return self.ignore_index
        return int((self.dataset_meta or {}).get('ignore_index', 255))


def _plane(data: Tensor) -> NDArray[Any]:
    """Convert a tensor (1, H, W) of class indices to an array (H, W); on the CPU they share memory.

    mmseg returns the prediction of a model with one output in the type of its logits; NumPy has no bfloat16.
    """
    data = data.to(torch.uint8) if data.is_floating_point() else data
    plane: NDArray[Any] = data.reshape(data.shape[-2:]).cpu().numpy()
    return plane


def _probabilities(sample: dict) -> NDArray[np.float32]:
    """Return the class probabilities of a sample, shape (K, H, W); mmseg applies the sigmoid of a single output."""
    logits: Tensor = sample['seg_logits']['data'].float()
    probabilities = torch.cat([1 - logits, logits]) if len(logits) == 1 else logits.softmax(dim=0)
    result: NDArray[np.float32] = probabilities.cpu().numpy()
    return result


def _image_path(sample: dict) -> str:
    path = sample.get('img_path')
    if not path:
        raise InputError('SegMetric', 'a sample has no img_path', "keep 'img_path' in the meta_keys of PackSegInputs")
    return str(path)


def _table(scores: Scores, absent: NDArray[np.bool_], classes: Sequence[str]) -> str:
    """Format the scores of each class and their means, in percent."""
    table = PrettyTable(['Class', *CLASS_SCORES])
    for index, label in enumerate(classes):
        values = ['absent' if absent[index] else _percent(scores[name][index]) for name in CLASS_SCORES]
        table.add_row([label, *values])
    table.add_row(['mean', *(_percent(scores[name]) for name in MEAN_SCORES)])
    return f'{table.get_string()}\nall pixels: Acc {_percent(scores["aAcc"])}'


def _percent(value: Any) -> str:
    return '-' if np.isnan(value) else f'{100 * float(value):.2f}'
