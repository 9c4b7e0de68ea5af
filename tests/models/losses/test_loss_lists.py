"""Several losses of a list, in a config that trains."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

from mmengine.registry import DefaultScope  # noqa: E402
from mmengine.structures import PixelData  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402
from mmseg.structures import SegDataSample  # noqa: E402

from mmseg_ext.runs.config import load_config  # noqa: E402

CONFIG = """
_base_ = '{base}'
model = dict(decode_head=dict(loss_decode=[
    dict(type='mmseg_ext.CrossEntropyLoss', class_weight=[0.1, 1, 1]),
    dict(type='mmseg_ext.LovaszSoftmaxLoss', loss_weight=0.5),
    dict(type='mmseg_ext.FocalLoss', gamma=2.0),
]))
"""


def test_a_config_with_three_losses_takes_a_step(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('DEMO_DATA', str(tmp_path))
    base = next((repo_root / 'configs' / 'demo').glob('*_ce-adamw-1000it_demo-192x192.py'))
    path = tmp_path / 'three-losses.py'
    path.write_text(CONFIG.format(base=base))
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(load_config(path).model).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    target = torch.randint(3, (2, 1, 64, 64))
    target[0, 0, :8] = 255
    samples = [SegDataSample(gt_sem_seg=PixelData(data=mask)) for mask in target]
    images = torch.randn(2, 3, 64, 64)
    losses = model.loss(images, samples)
    names = ['decode.loss_ce', 'decode.loss_lovasz', 'decode.loss_focal']
    assert [name for name in losses if 'loss_' in name] == names
    total, _ = model.parse_losses(losses)
    assert total.item() == pytest.approx(sum(losses[name].item() for name in names))
    total.backward()
    optimizer.step()
    after, _ = model.parse_losses(model.loss(images, samples))
    assert after.isfinite()
    assert after.item() != total.item()
