"""VGG backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_ext.registry import MODELS

CONVS_OF_DEPTH = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
NUM_STAGES = 5
KINDS = ('conv', 'pool', 'indices')
OUTPUTS = tuple(f'{kind}{stage}' for stage in range(1, NUM_STAGES + 1) for kind in KINDS)


@MODELS.register_module()
class VGG(BaseModule):
    """VGG without its classifier (Simonyan & Zisserman, arXiv 1409.1556).

    Five stages, each of 3×3 convolutions and a max-pooling that halves the size, rounded down: images need at least 32
    pixels per side. The outputs of stage s in 1…5 have names, and are returned in the order of ``outputs``:

    - ``'conv{s}'``: feature map before the pooling, stride 2^(s−1);
    - ``'pool{s}'``: feature map after the pooling, stride 2^s;
    - ``'indices{s}'``: for each value of ``'pool{s}'`` the flat index (row · width + column, int64) of the maximum in
      ``'conv{s}'``, as ``torch.nn.MaxUnpool2d`` takes it. Indices are entries of the returned tuple, so they reach a
      decode head with the maps they belong to, and nothing is kept on the module.

    Keys are torchvision's (``features.0.weight`` …): its ImageNet files load unchanged, without their classifier.

    Shape:
        (N, in_channels, H, W), H and W ≥ 32 → one tensor per entry of ``outputs``.

    Args:
        depth: 11, 13, 16 or 19 (layers with weights in the original, its three fully connected ones included).
        batch_norm: Whether batch norm follows each convolution.
        outputs: Names as above. Stages after the last one named are not built.
        in_channels: Channels of the input.
        base_channels: Channels of the first stage, 64 in the original; the stages have 1, 2, 4, 8 and 8 times as many.
        init_cfg: mmengine's initialization, e.g. ``dict(type='Pretrained', checkpoint='https://…')``; by default He's
            (arXiv 1502.01852), which the deeper networks need in order to train without batch norm.

    Raises:
        ValueError: An unknown depth or output, or no output.

    >>> import torch
    >>> net = VGG(11, base_channels=8, outputs=('conv1', 'pool5'))
    >>> [tuple(out.shape) for out in net(torch.zeros(2, 3, 64, 96))]
    [(2, 8, 64, 96), (2, 64, 2, 3)]
    """

    def __init__(
        self,
        depth: int = 16,
        batch_norm: bool = False,
        outputs: Sequence[str] = ('pool1', 'pool2', 'pool3', 'pool4', 'pool5'),
        in_channels: int = 3,
        base_channels: int = 64,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg or [dict(type='Kaiming', layer='Conv2d', mode='fan_in')])
        if depth not in CONVS_OF_DEPTH:
            raise ValueError(f'VGG: depth must be one of {sorted(CONVS_OF_DEPTH)}, got {depth}')
        if not outputs or not set(outputs) <= set(OUTPUTS):
            raise ValueError(f'VGG: outputs={tuple(outputs)} must be some of {", ".join(OUTPUTS)}')
        self.outputs = tuple(outputs)
        layers: list[nn.Module] = []
        for stage in range(1, max(int(name[-1]) for name in outputs) + 1):
            channels = base_channels * min(2 ** (stage - 1), 8)
            for _ in range(CONVS_OF_DEPTH[depth][stage - 1]):
                layers.append(nn.Conv2d(in_channels, channels, 3, padding=1))
                layers.extend([nn.BatchNorm2d(channels)] if batch_norm else [])
                layers.append(nn.ReLU(inplace=True))
                in_channels = channels
            layers.append(nn.MaxPool2d(2, return_indices=f'indices{stage}' in outputs))
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, in_channels, H, W), H and W at least 32, to the tensors named by ``outputs``."""
        found: dict[str, Tensor] = {}
        stage = 1
        for layer in self.features:
            if not isinstance(layer, nn.MaxPool2d):
                x = layer(x)
                continue
            found[f'conv{stage}'] = x
            if layer.return_indices:
                x, found[f'indices{stage}'] = layer(x)
            else:
                x = layer(x)
            found[f'pool{stage}'] = x
            stage += 1
        return tuple(found[name] for name in self.outputs)
