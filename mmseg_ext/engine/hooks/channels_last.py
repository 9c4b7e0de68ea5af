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
    channels-last map even for a contiguous input, on the CPU and on a GPU, and the layers after it keep the format.
    The hook runs before ``EMAHook`` copies the model.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Convert the model in place.

        ``DistributedDataParallel`` lays out its gradient buckets by the strides of the weights at its creation. When
        the weights were converted under it, the first exchange mixed up the places of their gradients. The wrapper is
        therefore created again.
        """
        model = unwrap_model(runner.model)
        is_wrapped = isinstance(runner.model, DistributedDataParallel)
        if is_wrapped:
            runner.model = model
            gc.collect()  # the wrapper is part of reference cycles, and removes its hooks when it is collected
        model.to(memory_format=torch.channels_last)
        if is_wrapped:
            runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), model)
