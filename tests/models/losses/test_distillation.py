"""Soft cross entropy of student and teacher, against float64 arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('torch')

import torch

from mmseg_ext.models.losses.distillation import distillation_loss, soften

RNG = np.random.default_rng(0)
SHAPE = (2, 3, 4, 5)


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    scores = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize('temperature', [0.5, 1.0, 4.0])
def test_value_and_gradient(temperature: float) -> None:
    """The gradient with respect to a logit is T (student − teacher) / number of pixels (Hinton et al., equation 2)."""
    student, teacher = RNG.normal(0, 3, (2, *SHAPE))
    mine, other = softmax(student, temperature), softmax(teacher, temperature)
    logits = torch.tensor(student, dtype=torch.float32, requires_grad=True)
    targets = soften(torch.tensor(teacher, dtype=torch.float32), temperature).requires_grad_()
    loss = distillation_loss(logits, targets, temperature)
    loss.backward()
    pixels = SHAPE[0] * SHAPE[2] * SHAPE[3]
    assert loss.item() == pytest.approx(-(temperature**2) * (other * np.log(mine)).sum() / pixels, rel=1e-5)
    np.testing.assert_allclose(logits.grad, temperature * (mine - other) / pixels, atol=1e-6)
    assert targets.grad is None


def test_one_output_stands_for_two_classes() -> None:
    one, teacher = (torch.tensor(RNG.normal(0, 2, (2, 1, 3, 3)), dtype=torch.float32) for _ in range(2))
    two = torch.cat([torch.zeros_like(one), one], dim=1)
    targets = soften(teacher, 2.0)
    torch.testing.assert_close(targets[:, 1:], (teacher / 2).sigmoid())
    torch.testing.assert_close(distillation_loss(one, targets, 2.0), distillation_loss(two, targets, 2.0))


def test_half_precision_loses_nothing_and_other_shapes_are_refused() -> None:
    logits = torch.tensor(RNG.normal(0, 9, SHAPE)).bfloat16()
    assert soften(logits, 2.0).dtype == distillation_loss(logits, soften(logits, 2.0), 2.0).dtype == torch.float32
    with pytest.raises(ValueError, match='same shape'):
        distillation_loss(logits, soften(logits[:1], 2.0), 2.0)
