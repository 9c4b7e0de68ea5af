from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_ext.models.decode_heads.linear_head import LinearHead


def head(**changes: Any) -> LinearHead:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {'in_channels': [4, 6], 'num_classes': 3, 'dropout_ratio': 0}
    return LinearHead(**{**arguments, **changes})


def test_it_is_batch_norm_and_one_matrix() -> None:
    net = head().double().eval()
    for value in (*net.parameters(), net.norm.running_mean):
        torch.nn.init.normal_(value)
    net.norm.running_var.uniform_(0.5, 2)
    maps = [torch.randn(2, 4, 6, 5, dtype=torch.float64), torch.randn(2, 6, 3, 3, dtype=torch.float64)]
    joined = torch.cat([maps[0], F.interpolate(maps[1], (6, 5), mode='bilinear')], 1).movedim(1, -1)
    scaled = (joined - net.norm.running_mean) / (net.norm.running_var + 1e-5).sqrt()
    normed = scaled * net.norm.weight + net.norm.bias
    expected = normed @ net.conv_seg.weight[:, :, 0, 0].T + net.conv_seg.bias
    torch.testing.assert_close(net(maps), expected.movedim(-1, 1))
    assert sum(value.numel() for value in net.parameters()) == 2 * 10 + 3 * (10 + 1)


def test_training_normalises_each_channel_by_the_batch() -> None:
    net = head(in_channels=[4]).train()
    with torch.no_grad():
        net.conv_seg.weight.copy_(torch.eye(3, 4)[:, :, None, None]), net.conv_seg.bias.zero_()
    logits = net([5 + 3 * torch.randn(2, 4, 8, 8)])
    torch.testing.assert_close(logits.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits.var((0, 2, 3), unbiased=False), torch.ones(3), atol=1e-4, rtol=0)


def test_the_maps_asked_for_are_taken() -> None:
    maps = [torch.randn(1, channels, 4, 4) for channels in (4, 5, 6)]
    expected = head().eval()([maps[0], maps[2]])
    torch.testing.assert_close(head(in_index=[0, 2]).eval()(maps), expected)


@pytest.mark.parametrize('batch', [1, 2])
def test_a_linear_rule_is_learned(batch: int) -> None:
    """Each position's class is in the sign of one channel, small beside the noise of the others."""
    net = head(in_channels=[4, 6], num_classes=2).train()
    maps = [torch.randn(batch, 4, 8, 8), 100 * torch.randn(batch, 6, 8, 8)]
    truth = (maps[0][:, 1:2] > 0).long()
    samples = [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in truth]
    optimizer = torch.optim.Adam(net.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        loss = net.loss(maps, samples, {})['loss_ce']
        loss.backward()
        optimizer.step()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in net.parameters())
    assert (net.eval()(maps).argmax(1) == truth[:, 0]).float().mean() > 0.95
