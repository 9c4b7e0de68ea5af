"""Hook that draws predictions beside the ground truth, for ``--show-dir`` of mmseg's ``test.py``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_ext.data.images import read_image
from mmseg_ext.registry import HOOKS


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Draw the ground truth and the prediction of tested images, and of some validated ones.

    The pictures go to the backends of the visualizer (``vis_backends`` of the config) or, if it has none, to
    ``<stem>.png`` in its ``save_dir``, by default ``<work dir>/visualization``.

    mmseg's own hook warns at every start of a training that it draws nothing. It needs a backend, which then keeps
    copies of the config and of all scalars, and it decodes images in another way than the data set.

    Args:
        draw: Whether to draw; ``--show`` and ``--show-dir`` set it.
        interval: Draw every ``interval``-th validated image.
        show: Show the pictures in a window instead.
        wait_time: Seconds for which each picture is shown; 0 waits for a key.
    """

    def __init__(self, draw: bool = False, interval: int = 50, show: bool = False, wait_time: float = 0.0) -> None:
        self.draw = draw
        self.interval = interval
        self.show = show
        self.wait_time = wait_time
        self._tested = 0

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[SegDataSample] | None = None
    ) -> None:
        """Draw every ``interval``-th image."""
        first = batch_idx * (runner.val_dataloader.batch_size or 1)
        for index, sample in enumerate(outputs or () if self.draw else (), first):
            if index % self.interval == 0:
                self._draw(runner, sample, f'val_{runner.iter}_', runner.iter)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[SegDataSample] | None = None
    ) -> None:
        """Draw every image."""
        for sample in outputs or () if self.draw else ():
            self._draw(runner, sample, '', self._tested)
            self._tested += 1

    def _draw(self, runner: Runner, sample: SegDataSample, prefix: str, step: int) -> None:
        name = prefix + Path(sample.img_path).stem
        config = runner.cfg.get('visualizer') or {}
        file = None
        if not self.show and not config.get('vis_backends'):
            file = str(Path(config.get('save_dir') or Path(runner.work_dir) / 'visualization') / f'{name}.png')
        image = read_image(sample.img_path)
        predicted = sample.pred_sem_seg.data
        if predicted.is_floating_point():  # from a model with one output, possibly in bfloat16, which NumPy lacks
            sample = sample.clone()
            sample.pred_sem_seg = PixelData(data=predicted.to(torch.uint8))
        runner.visualizer.add_datasample(
            name, image, sample, show=self.show, wait_time=self.wait_time, out_file=file, step=step
        )
