from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')

from mmengine.config import Config

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.workflows.folds import find_left_out_fold, leave_out_fold
from mmseg_ext.workflows.out_of_fold import FoldTask, plan_folds, runs_that_left_out, training_data

COMMON = {'data_root': 'd', 'labels': 'labels', 'split': 'train', 'sides': (64,), 'options': {}}


def test_each_image_is_left_out_once_a_seed_and_never_trained_on_by_its_judge(tmp_path: Path) -> None:
    images = {stem: Path(f'd/img/train/{stem}.jpg') for stem in 'abcde'}
    folds = {0: dict(zip('abcde', (0, 1, 0, 1, 0), strict=True)), 7: dict(zip('abcde', (1, 1, 0, 0, 0), strict=True))}
    tasks = plan_folds(['x/one.py', 'x/two.py'], images, folds, tmp_path, COMMON)
    assert len(tasks) == 2 * 2 * 2
    assert len({task.work_dir for task in tasks}) == 8
    assert len({task.out for task in tasks}) == 4
    for out in {task.out for task in tasks}:
        same = [task for task in tasks if task.out == out]
        assert sorted(Path(path).stem for task in same for path in task.held_out) == list('abcde')
        for task in same:
            trained = {'abcde'[position] for position in task.train}
            assert trained | {Path(path).stem for path in task.held_out} == set('abcde')
            assert not trained & {Path(path).stem for path in task.held_out}


def test_the_training_set_keeps_the_options_of_the_config(tmp_path: Path) -> None:
    path = tmp_path / 'c.py'
    path.write_text('train_dataloader = dict(dataset=dict(type="D", labels="x", indices=[9], cache=True))')
    options = {'train_dataloader.dataset.cache': False}
    task = FoldTask('c.py', 'd', 'labels', 'train', (0, 2), (), 0, (64,), options, 'w', 'o')
    one = {'type': 'D', 'cache': False, 'data_root': 'd', 'labels': 'labels'}
    first = {**one, 'split': 'train', 'indices': [0, 2]}
    assert training_data(replace(task, config=str(path))) == {'_delete_': True, **first}
    both = training_data(replace(task, config=str(path), also={'val': (1,)}))
    assert both['datasets'] == [first, {**one, 'split': 'val', 'indices': [1]}]


def test_the_images_go_inside_wrappers(tmp_path: Path) -> None:
    mixed = 'dict(type="MultiImageMixDataset", pipeline=[1], dataset=dict(type="D", indices=[9]))'
    path = tmp_path / 'c.py'
    path.write_text(f'train_dataloader = dict(dataset=dict(type="RepeatDataset", times=2, dataset={mixed}))')
    task = FoldTask(str(path), 'd', 'labels', 'train', (0, 2), (), 0, (64,), {}, 'w', 'o')
    first = {'type': 'D', 'data_root': 'd', 'labels': 'labels', 'split': 'train', 'indices': [0, 2]}
    one = training_data(task)
    assert one['dataset'] == {'type': 'MultiImageMixDataset', 'pipeline': [1], 'dataset': first}
    assert (one['type'], one['times'], one['_delete_']) == ('RepeatDataset', 2, True)
    both = training_data(replace(task, also={'val': (1,)}))['dataset']['dataset']  # mixed with each other too
    assert both['type'] == 'ConcatDataset'
    assert both['datasets'] == [first, {**first, 'split': 'val', 'indices': [1]}]


@pytest.fixture
def whole_split(tmp_path: Path) -> Config:
    """A config that trains on the images a to d."""
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat]')
    rng = np.random.default_rng(0)
    for stem in 'abcd':
        for folder, shape in (('img/train', (32, 32, 3)), ('labels/train', (32, 32))):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 2, shape, np.uint8) * (200 if folder == 'img/train' else 1)
            Image.fromarray(pixels).save(tmp_path / folder / f'{stem}.png')
    data = {'type': 'mmseg_ext.FolderDataset', 'data_root': str(tmp_path), 'labels': 'labels', 'split': 'train'}
    return Config({
        'train_dataloader': {'dataset': {**data, 'ann_file': 'train.txt'}},
        'val_dataloader': {'dataset': {**data, 'ann_file': 'val.txt'}},
        'val_evaluator': {'type': 'mmseg_ext.SegMetric'},
    })  # fmt: skip


def test_a_fold_is_one_of_the_whole_split_whatever_lists_the_config_reads(whole_split: Config) -> None:
    """The positions of a fold's images would be taken for positions in the list."""
    with pytest.raises(InputError, match=r'`fold_seed=-1`: must be at least 0'):
        leave_out_fold(whole_split, 'c.py', '1/2', seed=-1)
    leave_out_fold(whole_split, 'c.py', '1/2')
    train, val = (whole_split[part].dataset for part in ('train_dataloader', 'val_dataloader'))
    assert sorted(train.indices + val.indices) == [0, 1, 2, 3]
    assert whole_split.fold.held_out == ['abcd'[position] for position in val.indices]
    assert (train.get('ann_file'), val.get('ann_file')) == (None, None)


def test_several_evaluators_are_kept(whole_split: Config) -> None:
    whole_split.val_evaluator = [{'type': 'mmseg_ext.SegMetric'}, {'type': 'mmseg.IoUMetric'}]
    leave_out_fold(whole_split, 'c.py', '1/2')
    assert whole_split.val_evaluator == [{'type': 'mmseg_ext.SegMetric', 'split': 'val'}, {'type': 'mmseg.IoUMetric'}]


def test_the_config_of_a_fold_is_refused_when_its_positions_mean_other_images(
    whole_split: Config, tmp_path: Path
) -> None:
    assert find_left_out_fold(whole_split, 'c.py') is None
    left_out = leave_out_fold(whole_split, 'c.py', '1/2')
    assert find_left_out_fold(whole_split, 'c.py') == left_out
    for folder in ('img', 'labels'):
        (tmp_path / folder / 'train' / 'a.png').rename(tmp_path / folder / 'train' / 'e.png')
    with pytest.raises(InputError, match=r'c\.py: leaves out other images than when it was written'):
        find_left_out_fold(whole_split, 'c.py')


def test_several_data_sets_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'c.py'
    path.write_text('train_dataloader = dict(dataset=dict(type="ConcatDataset", datasets=[dict(type="D")]))')
    task = FoldTask(str(path), 'd', 'labels', 'train', (0,), (), 0, (64,), {}, 'w', 'o')
    with pytest.raises(InputError, match=r'c\.py: trains on several data sets \(ConcatDataset\)'):
        training_data(task)


def test_a_task_is_done_when_all_its_probabilities_are_there(tmp_path: Path) -> None:
    images = {stem: Path(f'{stem}.jpg') for stem in 'ab'}
    first, second = plan_folds(['c.py'], images, {0: {'a': 0, 'b': 1}}, tmp_path, COMMON)
    assert not first.is_done()
    save_probabilities(Path(first.out) / 'a.npz', np.zeros((2, 3, 3)))
    assert first.is_done()
    assert not second.is_done()


class TestMembersOfStems:
    @pytest.fixture
    def config(self, tmp_path: Path) -> Callable[..., Path]:
        def write(name: str, held_out: str | None, seed: int = 0, split: str = 'train') -> Path:
            stems = '' if held_out is None else f', held_out={list(held_out)}'
            path = tmp_path / f'{name}.py'
            path.write_text(
                f'fold = dict(fold=1, of=2, seed={seed}{stems})\nval_dataloader = dict(dataset=dict(split={split!r}))\n'
            )
            return path

        return write

    def test_each_image_has_the_runs_that_left_it_out(self, config: Callable[..., Path]) -> None:
        configs = {'one': config('a', 'xy'), 'two': config('b', 'vwz')}  # v has been removed since
        configs['again'] = config('c', 'xy')  # a second seed of the first fold
        found = runs_that_left_out(configs, 'wxyz', 'train')
        assert found == {'w': ('two',), 'x': ('one', 'again'), 'y': ('one', 'again'), 'z': ('two',)}

    def test_what_would_show_a_model_its_own_masks_is_refused(
        self, config: Callable[..., Path], tmp_path: Path
    ) -> None:
        first, no_fold = config('a', 'xy'), tmp_path / 'b.py'
        no_fold.write_text('val_dataloader = dict()')
        for other, words in (
            (no_fold, 'two: left no fold out'),
            (config('c', 'wz', seed=7), 'has 2 folds with seed 7, another run 2 with 0'),
            (config('d', None), 'two: does not name the images that it left out'),
            (config('e', 'wz', split='val'), 'two: left out images of val, not of train'),
            (config('f', 'vw'), '1 of 4 images were not left out by any run, such as z'),  # v was replaced by z
        ):
            with pytest.raises(InputError, match=words):
                runs_that_left_out({'one': first, 'two': other}, 'wxyz', 'train')
