"""A short training of a backbone and its head on stripes, for the tests of the heads on VGG."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn


def samples(count: int, size: tuple[int, int]) -> list[SegDataSample]:
    """Masks of three upright stripes, one a class."""
    masks = torch.arange(3).repeat_interleave(-(-size[1] // 3))[: size[1]].expand(count, 1, *size)
    return [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in masks]


def assert_the_loss_falls(backbone: nn.Module, head: Any, lr: float, steps: int, count: int = 2) -> None:
    """Train on images that show the stripes: the loss falls by 40 %, and every parameter has a finite gradient."""
    image = torch.rand(count, 3, 37, 45)
    image[:, :, :, 15:30] += 2
    image[:, :, :, 30:] -= 2
    parameters = [*backbone.parameters(), *head.parameters()]
    optimizer, losses = torch.optim.AdamW(parameters, lr), []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = head.loss(backbone(image), samples(count, (37, 45)), {})['loss_ce']
        loss.backward()
        assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in parameters)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
