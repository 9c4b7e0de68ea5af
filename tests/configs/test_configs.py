"""Every experiment: it says what it is for, builds and makes a step at a size at which that takes a moment.

Of those that differ in numbers only, such as sizes, lengths and rates, one trains and validates too.
"""

from __future__ import annotations

import ast
import copy
import functools
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ('pets', 'demo', 'ph2', 'mads')
BEST = ROOT / 'configs' / 'pets' / 'best.py'
CONFIGS = sorted({path for group in GROUPS for path in (ROOT / 'configs' / group).glob('*.py')} - {BEST})
SIZE = (64, 64)
ALGORITHMS = {
    'deconvnet', 'deeplabv3plus', 'fcn', 'fcn8s', 'fpn', 'linear', 'ocr', 'segformer', 'segnet', 'segnext',
    'ternausnet', 'unet-fpn',
}  # fmt: skip
DATA_VARIABLES = {  # whose data a variable names
    'PETS_ROOT': 'pets',
    'PSEUDO_ROOT': 'pets',
    'DEMO_DATA': 'pets',
    'PH2_ROOT': 'ph2',
    'MADS_ROOT': 'mads',
}
TWO_CLASSES = {'ph2': 'skin, lesion', 'mads': 'background, person'}

Load = Callable[[Path], Any]
every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Tiny sets, one with the label sets of the pets and of the demo, and those of two classes: variable → folder."""
    from PIL import Image

    from mmseg_ext.data.masks import read_mask, write_mask
    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    folder = tmp_path_factory.mktemp('data')
    root = folder / 'pets'
    make_demo_data(root, DemoSettings(train=2, val=2, test=2, size=64))
    shutil.copytree(root / 'labels_true', root / 'labels_fixed')
    for name, classes in TWO_CLASSES.items():
        shutil.copytree(root / 'img', folder / name / 'img')
        (folder / name / 'dataset.yaml').write_text(f'classes: [{classes}]\npalette: [[0, 0, 0], [9, 9, 9]]\n')
        for mask in (root / 'labels_true').glob('*/*.png'):
            target = folder / name / 'labels' / mask.parent.name / mask.name
            write_mask(target, read_mask(mask).clip(0, 1), [[0, 0, 0], [9, 9, 9]])
            if mask.parent.name == 'val':  # a size that no stride divides
                write_mask(target, read_mask(target)[:59], [[0, 0, 0], [9, 9, 9]])
                image = folder / name / 'img' / 'val' / f'{mask.stem}.jpg'
                Image.open(image).crop((0, 0, 64, 59)).save(image)
    return {variable: str(folder / name) for variable, name in DATA_VARIABLES.items()}


@pytest.fixture(scope='module')
def load(data: dict[str, str]) -> Iterator[Load]:
    """Loads a config, once: what it returns may be changed."""
    pytest.importorskip('mmseg')
    from mmseg_ext.runs.config import load_config

    loaded = functools.cache(load_config)
    with pytest.MonkeyPatch.context() as patch:
        for variable, folder in data.items():
            patch.setenv(variable, folder)
        yield lambda path: copy.deepcopy(loaded(path))


@pytest.fixture(scope='module')
def first_of_their_parts(load: Load) -> set[Path]:
    """Of the configs with the same types of backbone, heads, losses, data sets, transforms and hooks, the first."""
    first: dict[tuple[str, ...], Path] = {}
    for path in CONFIGS:
        config = load(path)
        parts = [config.model, config.train_dataloader.dataset, config.val_dataloader.dataset, config.custom_hooks]
        first.setdefault(tuple(types_in(parts)), path)
    return {*first.values()}


def types_in(node: Any) -> list[str]:
    """Every ``type`` in a config, in the order in which it stands there."""
    values = node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else []
    own = [str(node['type'])] if isinstance(node, dict) and 'type' in node else []
    return own + [found for value in values for found in types_in(value)]


def pretrained(node: Any) -> list[dict]:
    """The ``init_cfg`` of a config that name weights."""
    values = node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else []
    own = [node] if isinstance(node, dict) and node.get('type') == 'Pretrained' else []
    return own + [found for value in values for found in pretrained(value)]


def without_weights(node: Any) -> None:
    """Take the ``init_cfg`` that name weights out of a config."""
    if isinstance(node, dict):
        if 'init_cfg' in node and pretrained(node['init_cfg']):
            node.pop('init_cfg')
        for value in node.values():
            without_weights(value)


def shrink(node: Any) -> None:
    """Set every size in the pipelines of a data set to 64×64."""
    if isinstance(node, dict):
        if 'tile' in node:
            node['tile'] = SIZE[0] // 2
        for key in node.keys() & {'scale', 'size', 'crop_size'}:
            if isinstance(node[key], (list, tuple)) and all(isinstance(side, int) for side in node[key]):
                node[key] = SIZE
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else []:
        shrink(value)


def thin(model: Any) -> None:
    """Take the width from heads of a hundred million parameters (FCN-8s)."""
    for head in model.decode_head if isinstance(model.decode_head, list) else [model.decode_head]:
        if head.get('channels', 0) > 1024:
            head['channels'] = 64


def test_there_are_experiments_for_every_set() -> None:
    assert {path.parent.name for path in CONFIGS} == set(GROUPS)


@every_config
def test_the_docstring_has_the_hypothesis_and_the_command(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text is not None
    assert 'Hypothesis: ' in text
    command = ' '.join(text[text.index('Run: ') :].replace('\\', ' ').split())
    assert f'python tools/train.py {path.relative_to(ROOT)}' in command


def test_the_best_is_one_of_them_and_says_why(load: Load) -> None:
    text = ast.get_docstring(ast.parse(BEST.read_text()))
    assert text is not None
    assert 'How it was chosen: ' in text
    assert 'python tools/train.py configs/pets/best.py' in text
    best = load(BEST).to_dict()
    assert best in [load(path).to_dict() for path in CONFIGS if path.parent == BEST.parent]


@every_config
def test_the_name_says_model_training_and_data(path: Path, load: Load) -> None:
    model, training, dataset = path.stem.rsplit('_', 2)
    config = load(path)
    size = dataset.partition('-')[2]
    assert config.crop_size == tuple(int(side) for side in size.split('x'))
    assert dataset.partition('-')[0] == path.parent.name
    length = training.rsplit('-', 1)[1]
    key, unit = ('max_epochs', 'e') if length.endswith('e') else ('max_iters', 'it')
    assert f'{config.train_cfg[key]}{unit}' == length
    assert (config.optim_wrapper.optimizer.type == 'SGD') == ('-sgd-' in training)
    assert model.partition('_')[0] in ALGORITHMS
    ends = [one['end'] for one in config.param_scheduler]
    assert max(ends) == config.train_cfg[key]  # the rate has fallen when the training ends, not before or never


@every_config
def test_it_trains(path: Path, load: Load, first_of_their_parts: set[Path], tmp_path: Path) -> None:
    from mmseg_ext.engine.runner.build import build_runner

    config = load(path)
    without_weights(config.model)
    thin(config.model)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        config[name].update(batch_size=2, num_workers=0, persistent_workers=False)
        shrink(config[name].dataset)
    if 'size' in config.model.data_preprocessor:
        config.model.data_preprocessor.size = SIZE
    config.train_cfg.update(val_interval=1)
    config.train_cfg['max_epochs' if 'max_epochs' in config.train_cfg else 'max_iters'] = 1
    config.default_hooks.checkpoint = None  # half a gigabyte of random weights
    config.work_dir, config.log_level = str(tmp_path), 'WARNING'
    config.visualizer.name = path.stem  # mmengine keeps one a name, and warns of a second
    runner = build_runner(config)
    if path not in first_of_their_parts:
        makes_a_step(runner)
        return
    runner.train()
    assert math.isfinite(runner.message_hub.get_scalar('train/loss').current())
    assert 0 <= runner.message_hub.get_scalar('val/mDice').current() <= 100
    trained = [parameter for parameter in runner.model.parameters() if parameter.requires_grad]
    assert len(runner.optim_wrapper.optimizer.state) == len(trained)  # each had a gradient: no part is left aside
    assert (tmp_path / 'records' / 'val.parquet').is_file()


def makes_a_step(runner: Any) -> None:
    data = runner.model.data_preprocessor(next(iter(runner.train_dataloader)), training=True)
    loss, _ = runner.model.parse_losses(runner.model(**data, mode='loss'))
    loss.backward()
    assert math.isfinite(loss.item())
    assert all(parameter.grad is not None for parameter in runner.model.parameters() if parameter.requires_grad)


@every_config
def test_its_test_time_augmentation_gives_all_views(path: Path, load: Load) -> None:
    from mmengine.dataset import Compose
    from mmengine.registry import init_default_scope
    from mmseg.registry import DATASETS

    config = load(path)
    init_default_scope('mmseg')
    split = DATASETS.build({**config.test_dataloader.dataset, 'pipeline': []})
    views = Compose(config.tta_pipeline)(split[0])['data_samples']
    sizes = [step['scale'] for step in config.tta_pipeline[1]['transforms'][0]]
    assert len(views) == 2 * len(sizes)
    assert next(step['scale'] for step in config.test_pipeline if step['type'] == 'Resize') in sizes
    assert sorted({view.img_shape for view in views}) == sorted(set(sizes))
    assert [view.flip for view in views].count(True) == len(sizes)
    assert all(view.gt_sem_seg.data.shape == (1, 64, 64) for view in views)


PROBE = """
import gc, os, sys
import mmseg.datasets, mmseg.models, torch
from mmengine.config import Config
from mmengine.runner import Runner
from unformatted_configs import leave_configs_unformatted
from mmseg.visualization import SegLocalVisualizer
SegLocalVisualizer(), torch.optim.AdamW([torch.zeros(1)])  # what is slow the first time
leave_configs_unformatted()
gc.collect(), gc.freeze()
failed = 0
for number, path in enumerate(sys.argv[2:]):
    assert not [name for name in sys.modules if name.startswith('mmseg_ext')]
    pid = os.fork()
    if pid == 0:
        config = Config.fromfile(path)
        config.work_dir, config.log_level = f'{sys.argv[1]}/{number}', 'WARNING'
        runner = Runner.from_cfg(config)
        runner.train_loop, runner.val_loop, runner.test_loop
        runner.build_optim_wrapper(config.optim_wrapper)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        print('FAILED', path)
        failed = 1
sys.exit(failed)
"""


def test_mmengine_builds_every_config_by_itself(data: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    environment = {
        **os.environ,
        'PYTHONPATH': os.pathsep.join([str(ROOT), str(ROOT / 'tests' / 'support')]),
        'OMP_NUM_THREADS': '1',
        **data,
    }
    command = [sys.executable, '-c', PROBE, str(tmp_path), *map(str, CONFIGS)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
