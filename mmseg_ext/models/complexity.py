"""Number of parameters and operations of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, flop_registry

FLOPS_PER_MULTIPLY_ADD = 2
ATEN = torch.ops.aten
# torch counts the attention kernels of GPUs, but not the one of the CPU.
CPU_ATTENTION = {
    ATEN._scaled_dot_product_flash_attention_for_cpu: flop_registry[ATEN._scaled_dot_product_flash_attention]
}


def count_parameters(model: nn.Module) -> int:
    """Count the parameters of a model, including frozen ones, without buffers.

    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in model.parameters())


def count_gflops(model: nn.Module, image_shape: Sequence[int]) -> float:
    """Count the multiply-adds of one image's forward pass in 10⁹, which mmsegmentation's tables call GFLOPs.

    Convolutions, matrix products and attention are counted (by ``torch.utils.flop_counter``); normalization,
    activations and resizing are not. The model is run once, in evaluation mode and without gradients; its mode,
    parameters and buffers do not change.

    Args:
        model: Segmentor of mmseg, or a model that takes a batch (N, C, H, W) with mmengine's ``mode='tensor'``. On the
            device ``'meta'`` nothing is computed.
        image_shape: (C, H, W).

    Raises:
        Exception: Any error that the model raises for such an image.
    """
    modes = {module: module.training for module in model.modules()}
    device = next(model.parameters()).device
    counter = FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION)
    model.eval()
    try:
        with torch.no_grad(), counter:
            images = torch.zeros(1, *image_shape, device=device)
            if hasattr(model, 'encode_decode'):  # mode='tensor' fails for a cascade of heads
                full_size_logits(model, images)
            else:
                model(images, mode='tensor')
    finally:
        for module, training in modes.items():
            module.training = training
    return counter.get_total_flops() / FLOPS_PER_MULTIPLY_ADD / 1e9


def full_size_logits(model: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Return the logits (N, K, H, W) of an mmseg model at the size of its normalized inputs (N, 3, H, W)."""
    size = inputs.shape[2:]
    logits: torch.Tensor = model.encode_decode(inputs, [dict(ori_shape=size, img_shape=size, pad_shape=size)])
    return logits
