"""An experiment of ours in the hands of mmsegmentation's own tools, which know nothing of mmseg_ext."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask

BASE = 'configs/pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-1200it_pets-384x384.py'
SMALL = """
_base_ = '{base}'
load = dict(type='LoadImageFromFile', _scope_='mmseg_ext')
pipeline = [
    load,
    dict(type='Resize', scale=(64, 64)),
    dict(type='mmseg_ext.LoadMask'),
    dict(type='PackSegInputs'),
]
small = dict(batch_size=2, num_workers=0, persistent_workers=False)
test_pipeline = pipeline
test_cfg = dict(dtype=None)
test_dataloader = dict(**small, dataset=dict(pipeline=pipeline))
val_dataloader = dict(**small, dataset=dict(pipeline=pipeline))
pipeline = [pipeline[0], pipeline[2], pipeline[1], pipeline[3]]
train_dataloader = dict(**small, dataset=dict(pipeline=pipeline))
train_cfg = dict(max_iters=2, val_interval=2)
"""
# All in one process: the imports take longer than the work.
TOOLS = """
import runpy, sys
import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner

tools, config, run, data = sys.argv[1:]

def call(tool, *arguments):
    sys.argv = [tool, config, *arguments]
    runpy.run_path(f'{tools}/{tool}.py', run_name='__main__')

call('train', '--amp', '--work-dir', run)
call('test', f'{run}/iter_2.pth', '--work-dir', run, '--out', f'{run}/masks', '--show-dir', f'{run}/drawn')
call('test', f'{run}/iter_2.pth', '--work-dir', f'{run}/tta', '--tta', '--out', f'{run}/tta/masks')
call('analysis_tools/confusion_matrix', f'{run}/masks', f'{run}/matrix')

from mmseg.apis import MMSegInferencer, inference_model, init_model
from PIL import Image
image = f'{data}/img/test/test_00000.jpg'
array = np.array(Image.open(image).convert('RGB'))[..., ::-1].copy()
inferencer = MMSegInferencer(model=config, weights=f'{run}/iter_2.pth', device='cpu')
model = init_model(config, f'{run}/iter_2.pth', device='cpu')
one, both = inferencer(image)['predictions'], inferencer([image, array])['predictions']
found = [one, *both, *(inference_model(model, source).pred_sem_seg.data[0].numpy() for source in (image, array))]
np.save(f'{run}/inferred.npy', np.stack(found))

mmengine_only = Config.fromfile(config)
mmengine_only.work_dir = f'{run}/mmengine'
runner = Runner.from_cfg(mmengine_only)
assert type(runner) is Runner
runner.train()
"""


@pytest.fixture(scope='module')
def used(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data set ``pets``, ImageNet weights of random values and the ``run`` of the tools above."""
    torch = pytest.importorskip('torch')
    mmseg = pytest.importorskip('mmseg')
    from mmseg.models.backbones import MobileNetV2

    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    folder = tmp_path_factory.mktemp('tools')
    make_demo_data(folder / 'pets', DemoSettings(train=4, val=2, test=2, size=64))
    shutil.copytree(folder / 'pets' / 'labels_true', folder / 'pets' / 'labels_fixed')
    (folder / 'weights').mkdir()
    torch.save(MobileNetV2(out_indices=(1, 2, 4, 6)).state_dict(), folder / 'weights' / 'mobilenet_v2_imagenet.pth')
    (folder / 'small.py').write_text(SMALL.format(base=repo_root / BASE))
    environment = {
        **os.environ,
        'PYTHONPATH': str(repo_root),
        'PETS_ROOT': str(folder / 'pets'),
        'MMSEG_EXT_WEIGHTS': str(folder / 'weights'),
        'OMP_NUM_THREADS': '1',
        'MPLBACKEND': 'Agg',
    }
    places = [Path(mmseg.__file__).parent / '.mim' / 'tools', folder / 'small.py', folder / 'run', folder / 'pets']
    command = [sys.executable, '-c', TOOLS, *map(str, places)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 'mDice' in done.stdout
    return folder


@pytest.mark.parametrize('run', ['run', 'run/mmengine'])
def test_they_train_from_our_weights(used: Path, run: str) -> None:
    import torch

    from mmseg_ext.evaluation.records import read_records

    assert read_records(used / run / 'records' / 'val.parquet').confusion.sum() == 2 * 64 * 64
    start = torch.load(used / 'weights' / 'mobilenet_v2_imagenet.pth', weights_only=True)['conv1.conv.weight']
    # The file of mmengine's runner holds more than tensors.
    trained = torch.load(used / run / 'iter_2.pth', weights_only=run == 'run')['state_dict']
    assert torch.allclose(trained['backbone.conv1.conv.weight'], start, atol=1e-3)  # two steps from our weights


def test_out_and_show_dir(used: Path) -> None:
    from mmseg_ext.data.images import read_image
    from mmseg_ext.evaluation.records import read_records

    records = read_records(used / 'run' / 'records' / 'test.parquet')
    for stem, confusion in zip(records.stems, records.confusion, strict=True):
        predicted = read_mask(used / 'run' / 'masks' / f'{stem}.png')
        assert (np.bincount(predicted.ravel(), minlength=3) == confusion.sum(axis=0)).all()
        assert read_image(used / 'run' / 'drawn' / f'{stem}.png').shape == (64, 128, 3)  # beside the ground truth
        assert read_mask(used / 'run' / 'tta' / 'masks' / f'{stem}.png').shape == (64, 64)
    assert (used / 'run' / 'matrix' / 'confusion_matrix.png').is_file()


def test_inferencer_takes_paths_and_arrays(used: Path) -> None:
    found = np.load(used / 'run' / 'inferred.npy')
    tested = read_mask(used / 'run' / 'masks' / 'test_00000.png')
    assert found.shape == (5, 64, 64)
    assert (found == tested).all()
