"""ClassMix: the pixels of some classes of another image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmseg_ext.models.batch_mix.paste_mix import PasteMix
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class ClassMix(PasteMix):
    """Paste the pixels of half of another image's classes, at their own place (Olsson et al., arXiv 2007.07936).

    The classes are drawn among those that the other image shows; of an odd number the larger half, as in the authors'
    code. There the masks are predictions for photographs without labels, here they are the labels. Ignored pixels are
    never pasted; where something is pasted on them, its class is known.

    Args:
        prob: Probability for each image, 0-1.
        classes: The ids that may be pasted; None for all. With three classes of which one is the background, ``(1, 2)``
            pastes objects onto other scenes and never a background with the hole of an object.
        ignore_index: The id of ignored pixels.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, prob: float = 0.5, classes: Sequence[int] | None = None, ignore_index: int = 255) -> None:
        super().__init__(prob, ignore_index)
        if classes is not None and (not classes or min(classes) < 0 or ignore_index in classes):
            raise ValueError(f'classes {list(classes)} must be class ids >= 0, at least one, without {ignore_index}')
        self.classes = None if classes is None else frozenset(classes)

    def pasted(self, ids: Tensor, other_ids: Tensor, numbers: np.random.Generator) -> Tensor:
        """Draw the classes."""
        shown = [one for one in other_ids.unique().tolist() if one != self.ignore_index]
        candidates = [one for one in shown if self.classes is None or one in self.classes]
        chosen = numbers.permutation(candidates)[: (len(candidates) + 1) // 2]
        return torch.isin(other_ids, torch.as_tensor(chosen, dtype=other_ids.dtype, device=other_ids.device))
