from __future__ import annotations

import copy

import pytest
import torch
from mmengine.model import MomentumAnnealingEMA as Reference
from torch import nn

from mmseg_ext.models import MomentumAnnealingEMA


@pytest.mark.parametrize('buffers', [True, False], ids=['with buffers', 'parameters'])
@pytest.mark.parametrize('interval', [1, 3])
def test_the_average_is_that_of_mmengine(buffers: bool, interval: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    model[0].register_buffer('scratch', torch.zeros(2), persistent=False)
    options = {'momentum': 0.1, 'gamma': 5, 'interval': interval, 'update_buffers': buffers}
    ours, reference = MomentumAnnealingEMA(model, **options), Reference(model, **options)
    start = copy.deepcopy(ours.state_dict())
    for step in range(8):
        with torch.no_grad():
            model[0].scratch += 1
            for value in model.state_dict().values():
                value += torch.randn(value.shape) if value.is_floating_point() else 1
        for average in (ours, reference):
            average.update_parameters(model)
        torch.testing.assert_close(ours.state_dict(), reference.state_dict(), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(ours.module[0].scratch, reference.module[0].scratch)
        assert ours.steps == step + 1
    assert not torch.equal(ours.state_dict()['module.0.weight'], start['module.0.weight'])
    assert not torch.equal(ours.state_dict()['module.0.weight'], model.state_dict()['0.weight'])
