"""Ranking and acceptance as a user runs them, on the tiny experiment: what is proven is the way, not the verdict."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from local_dask import address, local_dask

from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.quality import expected_iou, make_evidence, suggest_mask
from mmseg_ext.processes import usable_cores

SEVERAL = """
train_dataloader['dataset'] = dict(_delete_=True, type='ConcatDataset', datasets=[_base_.train_dataloader.dataset])
"""
CLAHE = """
test_dataloader['dataset'] = dict(pipeline=[dict(type='CLAHE')])
"""
FILES = ('img', read_image, '.jpg'), ('labels', read_mask, '.png')
Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


@pytest.fixture(scope='module')
def data(tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny data, one of whose train photographs stands in val too."""
    root = Path(shutil.copytree(tiny_data, tmp_path_factory.mktemp('ranked') / 'pets'))
    first = min((root / 'img' / 'train').iterdir())
    shutil.copy(first, root / 'img' / 'val' / f'a_copy{first.suffix}')
    for labels in ('labels', 'labels_true'):
        shutil.copy(root / labels / 'train' / f'{first.stem}.png', root / labels / 'val' / 'a_copy.png')
    return root


@pytest.fixture(scope='module')
def config(write_config: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp('ranking') / 'tiny.py')


@pytest.fixture(scope='module')
def ranking(run_tool: Tool, data: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('ranking') / 'out'
    arguments = [data, config, '--folds', 2, '--also', 'val', '--sides', 64, '--top', 3, '--out', out]
    done = run_tool('rank_labels', *arguments, '--workers', 2, env={'DEMO_DATA': str(data)})
    assert done.returncode == 0, done.stderr
    assert 'Traceback' not in done.stderr
    assert 'of 8' in done.stdout
    return out


def test_every_mask_has_its_place(ranking: Path, data: Path) -> None:
    rows = list(csv.DictReader((ranking / 'ranking.csv').open()))
    stems = {path.stem for path in (data / 'labels' / 'train').iterdir()}
    assert {row['stem'] for row in rows} == stems
    assert [int(row['rank']) for row in rows] == list(range(1, len(stems) + 1))
    scores = [float(row['expected_iou']) for row in rows]
    assert scores == sorted(scores)
    report = json.loads((ranking / 'ranking.json').read_text())
    assert [row['stem'] for row in report['rows']] == [row['stem'] for row in rows]
    assert report['settings']['folds'] == 2
    assert report['environment']['packages']['torch']
    assert (ranking / 'queue.txt').read_text().split() == [row['stem'] for row in rows[:3]]


def test_the_suggestions_are_the_masks_of_models_that_have_not_seen_the_image(ranking: Path, data: Path) -> None:
    from mmengine.config import Config

    from mmseg_ext.workflows.rank import RankingSettings, out_of_fold_evidence

    settings = RankingSettings(str(data), (), sides=(64,), folds=2)
    for stem, e, _ in out_of_fold_evidence(settings, ranking):
        np.testing.assert_array_equal(read_mask(ranking / 'suggestions' / 'train' / f'{stem}.png'), suggest_mask(e))
    dumped = [Config.fromfile(path) for path in sorted(ranking.glob('runs/*/tiny.py'))]
    sets = [config.train_dataloader.dataset.datasets for config in dumped]
    assert {(one.split, one.labels) for pair in sets for one in pair} == {('train', 'labels'), ('val', 'labels')}
    parts = [set(pair[0].indices) for pair in sets]
    assert len(parts) == 2
    assert not parts[0] & parts[1]  # of two folds, each trains on the one that the other leaves out
    assert parts[0] | parts[1] == set(range(8))
    assert [list(pair[1].indices) for pair in sets] == [[1, 2, 3, 4]] * 2  # without the first, a photograph of train


def test_page_and_labelme_queue_hold_the_first_ones(ranking: Path) -> None:
    page = (ranking / 'ranking.html').read_text()
    first = (ranking / 'queue.txt').read_text().split()
    assert all(stem in page for stem in first)
    assert {path.stem for path in (ranking / 'labelme' / 'train').glob('*.json')} == set(first)


def test_a_dask_cluster_ranks_as_this_machine_does(
    run_tool: Tool, one_line: OneLine, ranking: Path, data: Path, config: Path, tmp_path: Path
) -> None:
    """Its workers have another working directory, and are daemons, which may have no children of multiprocessing."""
    # So that a fold is trained on one thread, as on this machine in tests.
    with local_dask(threads=usable_cores()) as cluster:

        def rank(out: str, *options: object) -> subprocess.CompletedProcess[str]:
            common = [
                data,
                config,
                '--folds',
                2,
                '--also',
                'val',
                '--sides',
                64,
                '--top',
                3,
                '--workers',
                address(cluster),
            ]
            return run_tool('rank_labels', *common, '--out', tmp_path / out, *options, env={'DEMO_DATA': str(data)})

        done = rank('out')
        assert done.returncode == 0, done.stderr
        one_line(rank('failed', '--cfg-options', 'optim_wrapper.optimizer.lr=much'), 'fold0', 'AdamW')
    for name in ('ranking.csv', 'queue.txt'):
        assert (tmp_path / 'out' / name).read_text() == (ranking / name).read_text()


def test_a_training_ends_with_the_worker_that_started_it(data: Path, config: Path, tmp_path: Path) -> None:
    from mmseg_ext.workflows.fold_training import CHILD_CODE
    from mmseg_ext.workflows.out_of_fold import FoldTask

    options = {'train_cfg.max_iters': 100_000}
    work_dir = tmp_path / 'run'
    task = FoldTask(
        str(config), str(data), 'labels', 'train', (0, 1, 2, 3), (), 0, (64,), options, str(work_dir), str(tmp_path)
    )
    with subprocess.Popen([sys.executable, '-c', CHILD_CODE], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        pickle.dump(task, child.stdin)
        child.stdin.flush()
        limit = time.monotonic() + 120
        try:
            while not list(work_dir.glob('iter_*.pth')) and time.monotonic() < limit:
                time.sleep(0.2)
            assert list(work_dir.glob('iter_*.pth'))
            assert child.poll() is None
            child.stdin.close()
            assert child.wait(timeout=60) == 1
        finally:
            child.kill()


def test_the_same_command_again_trains_nothing(fast_tool: Tool, ranking: Path, data: Path, config: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in ranking.glob('runs/*/*.pth')}
    arguments = [data, config, '--folds', 2, '--also', 'val', '--sides', 64, '--top', 3, '--out', ranking]
    done = fast_tool('rank_labels', *arguments, data=data)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in ranking.glob('runs/*/*.pth')} == before


def test_another_ranking_is_averaged_in(
    fast_tool: Tool, one_line: OneLine, ranking: Path, data: Path, config: Path, tmp_path: Path
) -> None:
    from mmseg_ext.evaluation.probability_maps import load_probabilities, save_probabilities

    other, both = (Path(shutil.copytree(ranking, tmp_path / name)) for name in ('other', 'both'))
    for path in other.glob('probabilities/*/*.npz'):
        save_probabilities(path, np.broadcast_to(np.array([0.2, 0.0, 0.8])[:, None, None], (3, 64, 64)))
    settings = json.loads((both / 'settings.json').read_text())
    (both / 'settings.json').write_text(json.dumps({**settings, 'others': [str(other)]}))
    arguments = [data, config, '--folds', 2, '--also', 'val', '--sides', 64, '--top', 3, '--out', both, '--with', other]
    done = fast_tool('rank_labels', *arguments, data=data)
    assert done.returncode == 0, done.stderr
    for path in (both / 'suggestions' / 'train').iterdir():
        (own,) = ranking.glob(f'probabilities/*/{path.stem}.npz')
        own_object = 1 - load_probabilities([own])[0]
        expected = (own_object + 0.8) / 2 > 0.5
        clear = np.abs(own_object - 0.2) > 0.01
        np.testing.assert_array_equal((read_mask(path) > 0)[clear], expected[clear])
    own_scores, scores = (
        {row['stem']: row for row in csv.DictReader((folder / 'ranking.csv').open())} for folder in (ranking, both)
    )
    for stem, row in scores.items():  # half the mean of the two judges' scores, half the score of their mean
        image, mask = (read(data / folder / 'train' / f'{stem}{suffix}') for folder, read, suffix in FILES)
        files = [next(folder.glob(f'probabilities/*/{stem}.npz')) for folder in (ranking, other)]
        alone, joint = (
            expected_iou(make_evidence(mask, load_probabilities(part), image=image)) for part in (files[1:], files)
        )
        expected = (float(own_scores[stem]['expected_iou']) + alone) / 4 + joint / 2
        assert float(row['expected_iou']) == pytest.approx(expected, abs=2e-6)
    (other / 'ranking.json').unlink()
    one_line(fast_tool('rank_labels', *arguments, data=data), 'other', 'no finished ranking')


def test_accepting_writes_a_new_label_set(fast_tool: Tool, ranking: Path, data: Path) -> None:
    done = fast_tool('accept_labels', data, ranking, '--top', 2, '--to', 'labels_auto')
    assert done.returncode == 0, done.stderr
    first = (ranking / 'queue.txt').read_text().split()[:2]
    for path in (data / 'labels' / 'train').iterdir():
        source = ranking / 'suggestions' / 'train' / path.name if path.stem in first else path
        np.testing.assert_array_equal(read_mask(data / 'labels_auto' / 'train' / path.name), read_mask(source))


def test_wrong_input_is_one_line(
    fast_tool: Tool, one_line: OneLine, ranking: Path, data: Path, config: Path, tmp_path: Path
) -> None:
    def rank(*arguments: object) -> subprocess.CompletedProcess[str]:
        return fast_tool('rank_labels', data, config, *arguments, data=data)

    one_line(rank('--out', ranking), 'other settings')
    one_line(rank('--out', tmp_path / 'r', '--labels', 'nowhere'), 'nowhere')
    one_line(rank('--out', tmp_path / 'r', '--folds', 1), '--folds 1')
    one_line(rank('--out', tmp_path / 'r', '--folds', 99), '--folds 99')
    one_line(rank('--out', tmp_path / 'r', '--sides', 64, 16), '--sides 16')
    one_line(rank('--out', tmp_path / 'r', '--also', 'train'), '--also train')
    one_line(rank('--out', tmp_path / 'r', '--also', 'nowhere'), 'nowhere')
    one_line(rank('--out', tmp_path / 'r', '--score', 'vibes'), '--score vibes')
    several = tmp_path / 'several.py'
    several.write_text(config.read_text() + SEVERAL)
    one_line(fast_tool('rank_labels', data, several, '--folds', 2, '--out', tmp_path / 'r'), 'several data sets')
    several.write_text(config.read_text() + CLAHE)
    one_line(fast_tool('rank_labels', data, several, '--folds', 2, '--out', tmp_path / 'r'), 'CLAHE of the test')
    one_line(fast_tool('rank_labels', data, tmp_path / 'no.py', '--folds', 2, '--out', tmp_path / 'r'), 'no.py')
    assert not (tmp_path / 'r').exists()
    one_line(fast_tool('accept_labels', data, tmp_path, '--top', 2, '--to', 'x'), 'ranking.json')
    one_line(fast_tool('accept_labels', data, ranking, '--top', 2, '--to', 'labels'), 'is the source itself')
    one_line(fast_tool('accept_labels', data, ranking, '--top', 0, '--to', 'x'), '--top 0: must be at least 1')
