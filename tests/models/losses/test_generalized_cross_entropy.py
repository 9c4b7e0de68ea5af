import pytest
import torch

from mmseg_ext.models.losses import CrossEntropyLoss, GeneralizedCrossEntropyLoss


def example(channels):
    torch.manual_seed(0)
    logits = torch.randn(2, channels, 4, 4, dtype=torch.float64, requires_grad=True)
    return logits, torch.randint(max(channels, 2), (2, 4, 4))


@pytest.mark.parametrize('channels', [1, 3])
def test_q_towards_0_is_cross_entropy(channels):
    logits, target = example(channels)
    ours, limit = GeneralizedCrossEntropyLoss(q=1e-9)(logits, target), CrossEntropyLoss()(logits, target)
    torch.testing.assert_close(ours, limit)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (ours, limit)]
    torch.testing.assert_close(*gradients)


def test_q_1_is_mean_absolute_error():
    logits, target = example(3)
    one_hot = torch.nn.functional.one_hot(target, 3).movedim(-1, 1)
    distance = (one_hot - logits.softmax(1)).abs().sum(1).mean()
    torch.testing.assert_close(GeneralizedCrossEntropyLoss(q=1)(logits, target), distance / 2)


def test_the_gradient_is_that_of_cross_entropy_times_p_to_the_q():
    logits, target = example(3)
    logits, target = logits[:1, :, :1, :1].detach().requires_grad_(), target[:1, :1, :1]
    gradients = [
        torch.autograd.grad(loss(logits, target), logits)[0]
        for loss in (GeneralizedCrossEntropyLoss(q=0.7), CrossEntropyLoss())
    ]
    p = logits.softmax(1)[0, target.item(), 0, 0]
    torch.testing.assert_close(gradients[0], gradients[1] * p**0.7)


def test_the_sum_over_all_labels_is_bounded():
    # Zhang and Sabuncu, lemma 1: the sum over K labels lies between (K - K^(1 - q)) / q and (K - 1) / q.
    loss, K, q = GeneralizedCrossEntropyLoss(q=0.6), 4, 0.6
    torch.manual_seed(0)
    for scale in (0.0, 0.1, 1, 10, 1000):
        logits = scale * torch.randn(1, K, 1, 1, dtype=torch.float64)
        total = sum(loss(logits, torch.full((1, 1, 1), label)).item() for label in range(K))
        assert (K - K ** (1 - q)) / q - 1e-9 <= total <= (K - 1) / q + 1e-9


@pytest.mark.parametrize('q', [0, 1.5, -1, float('nan')])
def test_bad_options(q):
    with pytest.raises(ValueError, match='q '):
        GeneralizedCrossEntropyLoss(q=q)
