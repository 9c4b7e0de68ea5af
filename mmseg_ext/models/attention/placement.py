"""Attention in a model: before the last convolution of a decode head, or on the feature maps of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from mmengine.model import BaseModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


class AttentionMixin:
    """Decode head that applies ``attention`` before dropout and its last convolution."""

    attention: nn.Module

    def cls_seg(self, feat: Tensor) -> Tensor:
        """Map features (N, channels, H, W) to logits (N, num_classes, H, W)."""
        return cast(Tensor, super().cls_seg(self.attention(feat)))  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the head's own class, from which the class with attention is created again."""
        return _blank, (type(self).__bases__[1],), self.__dict__


@cache
def _with_attention(kind: type) -> type:
    return type(f'{kind.__name__}WithAttention', (AttentionMixin, kind), {})


def _blank(kind: type) -> Any:
    return object.__new__(_with_attention(kind))


def build_attention_head(head_type: str, attention: dict[str, Any], **head: Any) -> BaseDecodeHead:
    """Build a decode head with an attention block before its last convolution.

    The result is an instance of the head's own class, so it works in segmentors, cascades and auxiliary heads like the
    head itself. Its weights keep their names: a checkpoint of the plain head loads, with the block's weights missing.
    A config needs only an override::

        decode_head=dict(
            type='mmseg_ext.AttentionHead', head_type='SegformerHead', attention=dict(type='mmseg_ext.CBAM')
        )

    Args:
        head_type: ``type`` of the head.
        attention: Config of the block without ``channels``, which are the input channels of the last convolution.
        head: Arguments of the head.

    Raises:
        ValueError: The head has no last convolution ``conv_seg``.
    """
    built = MODELS.build(dict(type=head_type, **head))
    last = getattr(built, 'conv_seg', None)
    if not isinstance(built, BaseDecodeHead) or last is None:
        raise ValueError(f'{head_type} has no last convolution `conv_seg`; attention cannot be put before it')
    kind: type = type(built)
    built.__class__ = _with_attention(kind)
    built.attention = MODELS.build(dict(attention, channels=last.in_channels))
    return built


MODELS.register_module(name='AttentionHead', module=build_attention_head)


@MODELS.register_module()
class AttentionNeck(BaseModule):
    """Neck with one attention block per feature map, before all heads.

    Shape:
        Feature maps (N, C, H, W) → the same shapes, or those of the inner neck.

    Args:
        in_channels: Channels of the feature maps.
        attention: Config of the block, without ``channels``.
        neck: Config of an inner neck that gets the results, such as an FPN.

    >>> import torch
    >>> neck = AttentionNeck([8, 16], attention=dict(type='mmseg_ext.SE', reduction=4))
    >>> [tuple(out.shape) for out in neck([torch.zeros(1, 8, 4, 4), torch.zeros(1, 16, 2, 2)])]
    [(1, 8, 4, 4), (1, 16, 2, 2)]
    """

    def __init__(
        self, in_channels: Sequence[int], attention: dict[str, Any], neck: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(MODELS.build(dict(attention, channels=channels)) for channels in in_channels)
        self.neck = None if neck is None else MODELS.build(neck)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Apply the blocks to feature maps (N, C, H, W), then the inner neck if there is one."""
        maps = tuple(block(x) for block, x in zip(self.blocks, inputs, strict=True))
        return maps if self.neck is None else tuple(self.neck(maps))
