"""Soft cross entropy of a student's logits with the softened probabilities of a teacher."""

from __future__ import annotations

import torch
from torch import Tensor


def soften(logits: Tensor, temperature: float) -> Tensor:
    """Turn logits into probabilities at a temperature, in float32.

    Args:
        logits: Shape (N, K, …); with K = 1 it is the logit of the second of two classes.
        temperature: Above 0; above 1 it brings the probabilities closer to each other.

    Returns:
        Shape (N, max(K, 2), …), 0–1.

    >>> soften(torch.tensor([[0.0, 2.0]]), temperature=2.0)
    tensor([[0.2689, 0.7311]])
    """
    return (_two_or_more(logits).float() / temperature).softmax(dim=1)


def distillation_loss(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Compute ``−T² · mean over pixels of Σₖ teacherₖ · log softmax(logits / T)ₖ``.

    The factor T² keeps the size of its gradients the same for all T (Hinton, Vinyals, Dean: Distilling the Knowledge in
    a Neural Network, arXiv 1503.02531, section 2). All pixels count, including those with an ignored label: the teacher
    knows them as well as any other.

    Args:
        logits: The student's logits, shape (N, K, H, W), or (N, 1, H, W) for two classes.
        teacher: `soften` of the teacher's logits, shape (N, max(K, 2), H, W); no gradient flows there.
        temperature: T, above 0, the same as for `soften`.

    Returns:
        A scalar; its minimum is T² times the mean entropy of the teacher.

    Raises:
        ValueError: The shapes do not fit.

    >>> student, teacher = torch.tensor([[[[0.0]], [[1.0]]]]), torch.tensor([[[[0.25]], [[0.75]]]])
    >>> distillation_loss(student, teacher, temperature=1.0)
    tensor(0.5633)
    """
    logits = _two_or_more(logits).float()
    if logits.shape != teacher.shape:
        raise ValueError(f'student {tuple(logits.shape)} and teacher {tuple(teacher.shape)} must have the same shape')
    log_probabilities = (logits / temperature).log_softmax(dim=1)
    return -(temperature**2) * (teacher.detach() * log_probabilities).sum(dim=1).mean()


def _two_or_more(logits: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits
