from __future__ import annotations

import pytest
import torch
from torch import nn

from mmseg_ext.models.complexity import count_gflops, count_parameters


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.norm.eval()  # frozen
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, inputs: torch.Tensor, mode: str) -> torch.Tensor:
        return self.head(self.norm(self.conv(inputs)))


def test_attention_counts_the_same_on_cpu_and_meta() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, inputs: torch.Tensor, mode: str) -> torch.Tensor:
            tokens = (self.scale * inputs).flatten(2).transpose(1, 2)[:, None]
            return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)

    by_hand = 2 * 3 * (16 * 8) ** 2 / 1e9  # 128 tokens of 3 numbers: q kᵀ, and the weights times v
    for device in ('cpu', 'meta'):
        assert count_gflops(Attention().to(device), (3, 16, 8)) == pytest.approx(by_hand)


def test_multiply_adds_by_hand() -> None:
    model = Dense()
    mean = model.norm.running_mean.clone()  # type: ignore[union-attr, operator]
    assert count_gflops(model, (3, 32, 16)) == pytest.approx((16 * 8 * 8 * 27 + 16 * 8 * 2 * 8) / 1e9)
    assert count_parameters(model) == 8 * 27 + 8 + 16 + 2 * 8 + 2
    assert (model.training, model.norm.training) == (True, False)
    torch.testing.assert_close(model.norm.running_mean, mean)
