"""How large a model is, and how much it computes for one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

FLOPS_A_MULTIPLY_ADD = 2
ATEN = torch.ops.aten
# torch counts the attention kernels of GPUs, and not the one of the CPU.
COUNTS = {
    **flop_registry,
    ATEN._scaled_dot_product_flash_attention_for_cpu: flop_registry[ATEN._scaled_dot_product_flash_attention],
}


def count_parameters(model: nn.Module) -> int:
    """The numbers that the model holds as parameters, frozen ones included; buffers are left out."""
    return sum(parameter.numel() for parameter in model.parameters())


def count_gflops(model: nn.Module, image_shape: Sequence[int]) -> float:
    """The multiply-adds of one image's forward pass, in 10⁹, as the tables of mmsegmentation count GFLOPs.

    Convolutions, matrix products and attention are counted (with the formulas of ``torch.utils.flop_counter``);
    normalization, activations and resizing are not. The model is run once, in evaluation mode and without gradients;
    its mode, parameters and buffers are then as they were.

    Args:
        model: A segmentor of mmseg, or what takes a batch (N, C, H, W) with mmengine's ``mode='tensor'``. On the device
            ``'meta'`` nothing is computed.
        image_shape: C, H, W.

    Raises:
        Exception: Whatever the model raises for such an image.
    """
    modes = {module: module.training for module in model.modules()}
    device = next(model.parameters()).device
    counter = _Counter()
    model.eval()
    try:
        with torch.no_grad(), counter:
            images = torch.zeros(1, *image_shape, device=device)
            if hasattr(model, 'encode_decode'):  # mode='tensor' fails on a cascade of heads
                full_size_logits(model, images)
            else:
                model(images, mode='tensor')
    finally:
        for module, training in modes.items():
            module.training = training
    return counter.flops / FLOPS_A_MULTIPLY_ADD / 1e9


def full_size_logits(model: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Logits (N, K, H, W) of mmseg's model at the size of its normalised inputs (N, 3, H, W)."""
    size = inputs.shape[2:]
    logits: torch.Tensor = model.encode_decode(inputs, [dict(ori_shape=size, img_shape=size, pad_shape=size)])
    return logits


class _Counter(TorchDispatchMode):
    """Sums up the operations of what runs inside; torch's own counter first imports its compiler, for a second."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        count = COUNTS.get(func._overloadpacket)
        if count is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=out)
        return out
