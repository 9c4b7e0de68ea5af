"""Hook for the channels-last memory format, in which convolutions in half precision are fastest."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Store 4-D weights as (N, H, W, C) in memory before training, validation and test.

    The shapes stay (N, C, H, W). Inputs need no conversion: a convolution whose weights are channels-last returns a
    channels-last map also for a contiguous input, on the CPU and on a GPU, and the layers behind it keep the format.
    It comes before ``EMAHook`` copies the model.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Convert the model in place."""
        runner.model.to(memory_format=torch.channels_last)
