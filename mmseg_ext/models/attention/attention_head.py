"""Any decode head with an attention block before its last convolution."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


class AttentionMixin:
    """Puts the block ``attention`` before dropout and the last convolution of a decode head."""

    attention: nn.Module

    def cls_seg(self, feat: Tensor) -> Tensor:
        """Map features (N, channels, H, W) to logits (N, num_classes, H, W)."""
        return cast(Tensor, super().cls_seg(self.attention(feat)))  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the head's own class: the one with attention is made anew."""
        return _blank, (type(self).__bases__[1],), self.__dict__


@cache
def _with_attention(kind: type) -> type:
    return type(f'{kind.__name__}WithAttention', (AttentionMixin, kind), {})


def _blank(kind: type) -> Any:
    return object.__new__(_with_attention(kind))


def attention_head(head_type: str, attention: dict[str, Any], **head: Any) -> BaseDecodeHead:
    """Build a decode head that looks at its features through an attention block before it names classes.

    What is built is an instance of the head's own class: segmentors, cascades and auxiliary heads take it as they take
    the head, and its weights keep their names, so that a checkpoint of the head loads (the block's are missing there).
    A config needs no more than an override::

        decode_head=dict(
            type='mmseg_ext.AttentionHead', head_type='SegformerHead', attention=dict(type='mmseg_ext.CBAM')
        )

    Args:
        head_type: The ``type`` of the head.
        attention: The block without its ``channels``, which are those that the last convolution takes.
        head: The head's arguments.

    Raises:
        ValueError: The head has no ``conv_seg`` to put the block before.
    """
    built = MODELS.build(dict(type=head_type, **head))
    last = getattr(built, 'conv_seg', None)
    if not isinstance(built, BaseDecodeHead) or last is None:
        raise ValueError(f'{head_type} has no last convolution `conv_seg`; attention cannot be put before it')
    kind: type = type(built)
    built.__class__ = _with_attention(kind)
    built.attention = MODELS.build(dict(attention, channels=last.in_channels))
    return built


MODELS.register_module(name='AttentionHead', module=attention_head)
