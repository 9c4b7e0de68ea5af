"""An experiment of ours in the hands of mmsegmentation's own tools, which know nothing of mmseg_ext."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASE = 'configs/pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-1200it_pets-384x384.py'
SMALL = """
_base_ = '{base}'
pipeline = [
    dict(type='mmseg_ext.LoadImage'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='PackSegInputs'),
]
small = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_dataloader = dict(**small, dataset=dict(pipeline=pipeline))
val_dataloader = dict(**small, dataset=dict(pipeline=pipeline))
pipeline = [pipeline[0], pipeline[2], pipeline[1], pipeline[3]]
train_dataloader = dict(**small, dataset=dict(pipeline=pipeline))
train_cfg = dict(max_iters=2, val_interval=2)
"""


def test_they_train_and_test_it(repo_root: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip('torch')
    mmseg = pytest.importorskip('mmseg')
    from mmseg.models.backbones import MobileNetV2

    from mmseg_ext.demo.generate import DemoSettings, make_demo_data
    from mmseg_ext.evaluation.records import read_records

    data, run = tmp_path / 'pets', tmp_path / 'run'
    make_demo_data(data, DemoSettings(train=4, val=2, test=2, size=64))
    shutil.copytree(data / 'labels_true', data / 'labels_fixed')
    (tmp_path / 'weights').mkdir()
    backbone = MobileNetV2(out_indices=(1, 2, 4, 6))
    torch.save(backbone.state_dict(), tmp_path / 'weights' / 'mobilenet_v2_imagenet.pth')
    config = tmp_path / 'small.py'
    config.write_text(SMALL.format(base=repo_root / BASE))
    environment = {
        **os.environ,
        'PYTHONPATH': str(repo_root),
        'PETS_ROOT': str(data),
        'MMSEG_EXT_WEIGHTS': str(tmp_path / 'weights'),
        'OMP_NUM_THREADS': '1',
    }
    tools = Path(mmseg.__file__).parent / '.mim' / 'tools'
    for tool, arguments in (('train', []), ('test', [str(run / 'iter_2.pth')])):
        command = [sys.executable, str(tools / f'{tool}.py'), str(config), *arguments, '--work-dir', str(run)]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert 'mDice' in done.stdout
    for split in ('val', 'test'):
        assert read_records(run / 'records' / f'{split}.parquet').confusion.sum() == 2 * 64 * 64
    start = torch.load(run / 'iter_2.pth', weights_only=True)['state_dict']['backbone.conv1.conv.weight']
    assert torch.allclose(start, backbone.state_dict()['conv1.conv.weight'], atol=1e-3)  # two steps from our weights
    assert not torch.allclose(start, MobileNetV2().state_dict()['conv1.conv.weight'], atol=1e-2)
