"""Hook for the channels-last memory format, in which convolutions in half precision are fastest."""

from __future__ import annotations

import gc

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.parallel import DistributedDataParallel

from mmseg_ext.engine.unwrap import unwrap_model
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
        """Convert the model in place.

        ``DistributedDataParallel`` lays its buckets of gradients out by the strides that the weights have as it is
        made. Converted under it, their gradients came out of the first exchange with their places mixed up, so it is
        made once more.
        """
        model = unwrap_model(runner.model)
        is_wrapped = isinstance(runner.model, DistributedDataParallel)
        if is_wrapped:
            runner.model = model
            gc.collect()  # the wrapper is a part of cycles, and takes its hooks off the weights as it goes
        model.to(memory_format=torch.channels_last)
        if is_wrapped:
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)
