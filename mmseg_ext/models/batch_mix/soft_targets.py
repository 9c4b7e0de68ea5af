"""Soft targets for the losses of any decode head.

A soft target is a ``gt_sem_seg`` of shape (C, H, W), floating: the share of each class in each pixel, or -1 in all
channels of an ignored pixel. mmsegmentation's heads cannot take it: from ids (H, W) they compute their accuracy, choose
hard pixels, find edges, sample points and count the classes of an image. Only a loss can use shares.

So heads see ids and losses see shares. `SoftTargets` registers torch hooks on a built segmentor. Before its forward
pass in training, each soft target is replaced by its *argmax*, the class with the largest share (the first of equal
ones). Before each loss of a ``loss_decode``, those ids are replaced by the shares if they are still that mask: equal to
it except for pixels that the head ignores, which stay ignored. ``acc_seg`` is therefore mmsegmentation's own, measured
against the argmax without ignored pixels, and every head works, including auxiliary heads and cascades. What a head
derives from the mask it derives from the argmax: the edges of STDC, the points of PointRend, the classes of an image in
EncNet, the queries of Mask2Former, and the pixels that a sampler chooses.

Rejected alternatives: replacing ``accuracy`` in mmsegmentation's modules, which changes it for all code and leaves
samplers, edges and points broken; copying and correcting ``loss_by_feat`` of each head; a subclass of each
segmentor. Hooks change nothing that is saved or exported, and are removed after the training.

A loss that cannot use shares is found in the first step, whether that batch is mixed or not: it must give the same
value for class ids and for the same ids as one-hot shares, ignored pixels included.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from mmengine.structures import PixelData
from torch import Tensor, nn

from mmseg_ext.errors import InputError

LOSS_ERRORS = (AssertionError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)


def to_soft(ids: Tensor, num_classes: int, ignore_index: int = 255) -> Tensor:
    """Convert class ids (H, W) to one-hot shares (C, H, W), float32, with -1 in ignored pixels.

    Raises:
        ValueError: An id is out of range (checked in CPU tensors only, to avoid synchronizing with a GPU).

    >>> to_soft(torch.tensor([[0, 1, 255]]), num_classes=2)
    tensor([[[ 1.,  0., -1.]],
    <BLANKLINE>
            [[ 0.,  1., -1.]]])
    """
    valid = ids != ignore_index
    if ids.device.type == 'cpu':
        bad = ids[valid & ((ids < 0) | (ids >= num_classes))]
        if bad.numel():
            raise ValueError(f'class id {int(bad[0])} in a mask: expected 0 to {num_classes - 1} or {ignore_index}')
    shares = ids.unsqueeze(0) == torch.arange(num_classes, device=ids.device).view(-1, 1, 1)
    return mark_ignored(shares.float(), ~valid)


def mark_ignored(soft: Tensor, ignored: Tensor) -> Tensor:
    """Set all channels of a soft target (…, C, H, W) to -1 where a mask (…, H, W) is True."""
    return soft.masked_fill(ignored.unsqueeze(-3), -1.0)


def to_ids(soft: Tensor, ignore_index: int = 255) -> Tensor:
    """Convert shares (…, C, H, W) to the ids (…, H, W), int64, of the largest share (the first of equal ones)."""
    ignored = (soft < 0).any(-3)
    return soft.argmax(-3).masked_fill(ignored, ignore_index)


class SoftTargets:
    """Hooks that bring soft targets to the losses of a segmentor, as described in the module docstring.

    Args:
        segmentor: Built model of mmsegmentation, not wrapped.
        source: Origin of the soft targets, for messages.
        ignore_index: Class id of ignored pixels.

    Raises:
        InputError: A head has another ``ignore_index``.
    """

    def __init__(self, segmentor: nn.Module, source: str = 'the data', ignore_index: int = 255) -> None:
        self.source = source
        self.ignore_index = ignore_index
        self._losses = find_losses(segmentor)
        self._unchecked = set(self._losses)
        self._ids: Tensor | None = None  # (N, H, W) during a forward pass in training, else None
        self._soft: Tensor | None = None  # (N, C, H, W), None in a batch of class ids
        self._first = True
        for name, head in segmentor.named_modules():
            if getattr(head, 'loss_decode', None) is not None and head.ignore_index != ignore_index:
                raise InputError(
                    'config',
                    f'{name} ignores {head.ignore_index}, but {source} ignores {ignore_index}',
                    'give both the same `ignore_index:`',
                )
        self._handles = [
            segmentor.register_forward_pre_hook(self._before_forward, with_kwargs=True),
            segmentor.register_forward_hook(self._after_forward, always_call=True),
            *(loss.register_forward_pre_hook(self._before_loss, with_kwargs=True) for loss in self._losses),
        ]

    def remove(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _before_forward(self, segmentor: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        if kwargs.get('mode') != 'loss':
            return None
        samples = kwargs['data_samples']
        soft = samples[0].gt_sem_seg.data.is_floating_point()
        if not (soft or self._first):
            return None
        targets = torch.stack([sample.gt_sem_seg.data for sample in samples])
        if not soft:
            self._ids = targets.squeeze(1)
            return None
        self._soft, self._ids = targets, to_ids(targets, self.ignore_index)
        hard = [_with_ids(sample, ids) for sample, ids in zip(samples, self._ids, strict=True)]
        return args, {**kwargs, 'data_samples': hard}

    def _after_forward(self, segmentor: nn.Module, args: Any, output: Any) -> None:
        self._first = self._first and self._ids is None
        self._ids = self._soft = None

    def _before_loss(self, loss: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._ids is None or len(args) < 2:
            return None
        logits, target, *further = args
        ignored = target == kwargs.get('ignore_index', self.ignore_index)
        if target.shape != self._ids.shape or not bool(((target == self._ids) | ignored).all()):
            return None  # derived from the mask by the head
        if loss in self._unchecked:
            self._check(loss, logits)
        soft = self._soft
        if soft is not None and soft.shape[1] == 2 and logits.shape[1] == 1:
            soft = soft[:, 1:]  # one channel is that of class 1
        if soft is None or soft.shape != logits.shape:
            return None
        return (logits, mark_ignored(soft, ignored), *further), kwargs

    def _check(self, loss: nn.Module, logits: Tensor) -> None:
        reason = soft_target_problem(loss, logits.shape[1], logits.device, self.ignore_index)
        if reason is not None:
            raise InputError(
                'config',
                f'{self._losses[loss]} ({type(loss).__name__}) cannot be trained on the soft targets of '
                f'{self.source}: {reason}',
                'use another loss, or a mix with class ids (CutMix, ClassMix)',
            )
        self._unchecked.discard(loss)


def find_losses(segmentor: nn.Module) -> dict[nn.Module, str]:
    """Return the losses of every ``loss_decode`` of a model, with their names."""
    found = {}
    for name, module in segmentor.named_modules():
        losses = getattr(module, 'loss_decode', None)
        if isinstance(losses, nn.ModuleList):
            found.update({loss: f'{name}.loss_decode.{index}' for index, loss in enumerate(losses)})
        elif isinstance(losses, nn.Module):
            found[losses] = f'{name}.loss_decode'
    return found


def soft_target_problem(
    loss: nn.Module, num_channels: int, device: torch.device, ignore_index: int = 255
) -> str | None:
    """Return why a loss cannot use soft targets, or None if it can.

    Args:
        loss: Called as ``loss(logits, target, ignore_index=…)``.
        num_channels: Channels of its logits.
        device: Device to try it on.
        ignore_index: Class id of ignored pixels.
    """
    num_classes = max(num_channels, 2)
    ids = torch.arange(2 * num_classes, device=device).remainder(num_classes).view(1, 2, num_classes)
    ids[0, 1, 0] = ignore_index
    count = num_channels * ids.numel()
    logits = torch.arange(count, device=device).float().sin().view(1, num_channels, *ids.shape[1:])
    soft = to_soft(ids[0], num_classes, ignore_index).unsqueeze(0)[:, -num_channels:]
    with torch.no_grad():
        try:
            expected = loss.forward(logits, ids, ignore_index=ignore_index)
            got = loss.forward(logits, soft, ignore_index=ignore_index)
        except LOSS_ERRORS as error:
            return ' '.join(str(error).split()) or type(error).__name__
    if not torch.allclose(expected, got, rtol=1e-4, atol=1e-5):
        return (
            f'for the same mask it gives {float(expected):.4g} as class ids and {float(got):.4g} as shares of classes'
        )
    return None


def _with_ids(sample: Any, ids: Tensor) -> Any:
    """Copy a sample and replace its mask."""
    copied = copy.copy(sample)
    copied.gt_sem_seg = PixelData(data=ids.unsqueeze(0))
    return copied
