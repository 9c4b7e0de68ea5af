"""Hook that tells the metrics where a run keeps its records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.evaluation.seg_metric import SegMetric
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.layout import RECORDS_FOLDER


@HOOKS.register_module()
class RecordsHook(Hook):
    """Write the records of every validation and test to ``<work dir>/records/<split>.parquet``.

    A metric does not know its run, so this hook hands it the folder. A metric with a file in the config keeps it.
    """

    def before_val(self, runner: Runner) -> None:
        """Hand the folder to the metrics of the validation."""
        _set_folder(runner, runner.val_loop)

    def before_test(self, runner: Runner) -> None:
        """Hand the folder to the metrics of the test."""
        _set_folder(runner, runner.test_loop)


def _set_folder(runner: Runner, loop: Any) -> None:
    for metric in loop.evaluator.metrics:
        if isinstance(metric, SegMetric):
            metric.set_output(records=Path(runner.work_dir) / RECORDS_FOLDER)
