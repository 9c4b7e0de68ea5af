from __future__ import annotations

import json
import math
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.runs.reading import find_run_config, read_run, read_runs

CONFIG = """
model = dict(type='EncoderDecoder', backbone=dict(type='mmseg_ext.ResNetV2', depth=50))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.0001))
train_cfg = dict(type='IterBasedTrainLoop', max_iters={iterations})
train_dataloader = dict(batch_size=8, dataset=dict(data_root='/somewhere/pets', labels='labels_fixed', split='train'))
val_dataloader = dict(batch_size=1, dataset=dict(data_root='/somewhere/pets', labels='labels', split='val'))
randomness = dict(seed=3)
"""


def as_older(folder: Path, iterations: int = 100) -> Path:
    """What a training left before it wrote ``run.json``."""
    (folder / 'run.json').unlink()
    (folder / 'records' / 'val_best.parquet').rename(folder / 'records' / 'val.parquet')
    (folder / 'experiment.py').write_text(CONFIG.format(iterations=iterations))
    (folder / 'environment.json').write_text(json.dumps({'commit': 'abc', 'processor': 'Some CPU', 'gpus': []}))
    return folder


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_run_that_recorded_itself(make_run: Any, tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / 'r', seed=4, wrong=0.2), 'r')
    assert (run.name, run.experiment, run.status, run.reason, run.seed) == ('r', 'unet', 'finished', '', 4)
    assert (run.parameters, run.gflops, run.input_size, run.minutes) == (2_500_000, 1.25, (32, 32), 3.0)
    assert (run.images_per_second, run.device, run.commit) == (16.0, 'Some CPU', '0123456789abcdef')
    assert run.hyperparameters['lr'] == 0.01
    (validation,) = run.evaluations
    assert (validation.split, validation.tta, validation.masks) == ('val', False, None)
    assert validation.mean is not None
    assert validation.mean.low is not None
    assert validation.mean.low < validation.mean.value < validation.mean.high  # type: ignore[operator]
    assert validation.source == 'records/val_best.parquet, iteration 100'
    assert run.curves['val/mDice'].iterations.tolist() == [50, 100]
    assert run.curves['train/loss'].values[0] == pytest.approx(0.3)


def test_the_config_and_the_fingerprints_of_the_data_are_read(make_run: Any, tmp_path: Path) -> None:
    data = {'train': [{'root': 'pets', 'fingerprint': 'abc'}, {'fingerprint': None}], 'val': [{'fingerprint': 'abc'}]}
    folder = make_run(tmp_path / 'r', data=data)
    (folder / 'unet.py').write_text(CONFIG.format(iterations=100))
    run = read_run(folder, 'r')
    assert run.hyperparameters['data_fingerprint'] == 'abc + unknown'
    assert run.config['model']['backbone'] == {'type': 'mmseg_ext.ResNetV2', 'depth': 50}


@pytest.mark.parametrize('suffix', ['.yaml', '.json'])
def test_a_config_of_data_is_read_where_the_run_names_it(make_run: Any, tmp_path: Path, suffix: str) -> None:
    folder = make_run(tmp_path / 'r')
    change(folder / 'run.json', config=f'unet.v2{suffix}')
    (folder / f'unet.v2{suffix}').write_text(json.dumps({'model': {'type': 'A', 'sizes': [1, 2]}}))  # YAML as well
    (folder / 'clearml.json').write_text('{}')  # not taken for a config
    run = read_run(folder, 'r')
    assert (run.experiment, run.reason) == ('unet.v2', '')
    assert run.config == {'model': {'type': 'A', 'sizes': [1, 2]}}
    assert find_run_config(folder) is None
    change(folder / 'run.json', data=3)
    run = read_run(folder, 'r')
    assert 'data_fingerprint' not in run.hyperparameters
    assert run.reason == 'run.json: data is left out (Expected `object`, got `int`)'


def test_an_older_run_is_told_by_its_files(make_run: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip('torch')
    folder = as_older(make_run(tmp_path / 'r'))
    weights = {
        'conv.weight': torch.zeros(4, 3),
        'bn.running_mean': torch.zeros(4),
        'bn.num_batches_tracked': torch.tensor(1),
    }
    torch.save({'state_dict': weights}, folder / 'best_mDice_iter_100.pth')
    run = read_run(folder, 'r')
    assert (run.experiment, run.status, run.seed, run.parameters, run.gflops) == ('experiment', 'finished', 3, 12, None)
    assert run.minutes == pytest.approx(100 * 0.5 / 60)
    assert run.images_per_second == pytest.approx(8 / 0.5)
    assert run.hyperparameters['backbone'] == 'ResNetV2'
    assert (run.device, run.commit) == ('Some CPU', 'abc')
    assert run.evaluations[0].labels == 'labels'
    assert run.evaluations[0].records is not None


def test_an_older_run_that_stopped(make_run: Any, tmp_path: Path) -> None:
    run = read_run(as_older(make_run(tmp_path / 'r'), iterations=400), 'r')
    assert (run.status, run.reason) == ('unfinished', 'iteration 100 of 400; stopped, or still running')


def test_records_of_another_validation_are_not_taken_for_those_of_the_best(make_run: Any, tmp_path: Path) -> None:
    folder = make_run(tmp_path / 'r')
    rows = [json.loads(line) for line in (folder / 'scalars.json').read_text().splitlines()]
    rows[-1]['val/mDice'] -= 30  # the records are those of the last validation; the best is now the one before
    (folder / 'scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    change(folder / 'run.json', best=None)
    (validation,) = read_run(folder, 'r').evaluations
    assert validation.records is None
    assert validation.mean is not None
    assert (validation.mean.value, validation.mean.low) == (rows[-7]['val/mDice'], None)
    assert validation.source.startswith('scalars.json, iteration 50')


def test_a_tested_split_stands_for_the_validation(make_run: Any, tmp_path: Path) -> None:
    folder = make_run(tmp_path / 'r', tested=True)
    shutil.copytree(folder / 'val', folder / 'val-tta')
    change(folder / 'val-tta' / 'metrics.json', tta=True)
    shutil.copytree(folder / 'val', folder / 'test-unlabelled')
    metrics = json.loads((folder / 'val' / 'metrics.json').read_text())
    del metrics['scores']
    (folder / 'test-unlabelled' / 'metrics.json').write_text(json.dumps(metrics))
    run = read_run(folder, 'r')
    assert [(one.split, one.tta, one.source) for one in run.evaluations] == [
        ('val', False, 'val/metrics.json, best.pth'),
        ('val', True, 'val-tta/metrics.json, best.pth'),
    ]
    assert run.evaluations[0].masks == folder / 'val' / 'masks'
    assert run.reason == ''


def with_outdated_results(folder: Path) -> Path:
    """Let the tests of a run be those of a checkpoint that is no longer there."""
    change(folder / 'val' / 'metrics.json', checkpoint='r/best_mDice_iter_50.pth', labels='labels')
    shutil.copytree(folder / 'val', folder / 'test')
    change(folder / 'test' / 'metrics.json', split='test')
    return folder


def test_a_result_of_a_replaced_checkpoint_gives_way_to_the_newer_validation(make_run: Any, tmp_path: Path) -> None:
    folder = with_outdated_results(make_run(tmp_path / 'r', tested=True))
    (folder / 'best_mDice_iter_100.pth').touch()
    run = read_run(folder, 'r')
    problem = 'of best_mDice_iter_50.pth, which a better one has replaced; test that'
    assert run.reason == f'test: {problem}; val: {problem}'
    assert [(one.split, one.source) for one in run.evaluations] == [
        ('test', 'test/metrics.json, best_mDice_iter_50.pth'),
        ('val', 'records/val_best.parquet, iteration 100'),
    ]
    shutil.copytree(folder / 'val', folder / 'val-again')
    change(folder / 'val-again' / 'metrics.json', checkpoint='r/best_mDice_iter_100.pth')
    (newer,) = [one.source for one in read_run(folder, 'r').evaluations if one.split == 'val']
    assert newer == 'val-again/metrics.json, best_mDice_iter_100.pth'


@pytest.mark.parametrize('names', [[], ['best_mIoU_iter_100.pth'], ['best_mDice_iter_50.pth', 'best_mDice_iter_9.pth']])
def test_a_result_counts_unless_its_checkpoint_was_replaced(make_run: Any, tmp_path: Path, names: list[str]) -> None:
    folder = with_outdated_results(make_run(tmp_path / 'r', tested=True))
    for name in names:  # none of which has replaced it, also in a copy without checkpoints
        (folder / name).touch()
    run = read_run(folder, 'r')
    assert run.reason == ''
    assert {one.split: one.source for one in run.evaluations} == {
        name: f'{name}/metrics.json, best_mDice_iter_50.pth' for name in ('test', 'val')
    }


def test_metrics_alone(make_run: Any, tmp_path: Path) -> None:
    tested = make_run(tmp_path / 'r', tested=True)
    folder = tmp_path / 'predictions'
    folder.mkdir()
    shutil.copy(tested / 'val' / 'metrics.json', folder / 'metrics_val.json')
    for name in ('records.parquet', 'masks'):  # of another split, whose metrics are not here
        (tested / 'val' / name).rename(folder / name)
    shutil.copytree(folder / 'masks', tested / 'val' / 'masks')
    shutil.copy(folder / 'records.parquet', tested / 'val' / 'records.parquet')
    run = read_run(folder, 'p')
    assert (run.experiment, run.status, run.commit) == ('unet', 'finished', 'fedcba9876543210')
    assert run.evaluations[0].mean == read_run(tested, 'r').evaluations[0].mean
    assert run.evaluations[0].records is None
    assert run.evaluations[0].masks is None
    assert not run.hyperparameters
    shutil.copy(folder / 'records.parquet', folder / 'records_val.parquet')
    again = read_run(folder, 'p').evaluations[0]
    assert again.records is not None
    assert again.confusion is not None
    assert again.confusion.sum() > 0


def test_the_committed_predictions_are_read(repo_root: Path) -> None:
    runs = read_runs([repo_root / 'practicum_work' / 'predictions'])
    assert len(runs) >= 3
    assert all(run.evaluations and not run.reason for run in runs)
    assert all(one.records is not None for run in runs for one in run.evaluations)


@pytest.mark.parametrize(
    ('process', 'status'),
    [
        ({'id': os.getpid(), 'host': platform.node()}, 'running'),
        ({'id': 2**22 + 1, 'host': platform.node()}, 'interrupted'),  # beyond the numbers that Linux gives
        ({'id': 2**22 + 1, 'host': 'another'}, 'running'),
        ({}, 'running'),
    ],
)
def test_whether_a_running_run_still_runs(make_run: Any, tmp_path: Path, process: dict[str, Any], status: str) -> None:
    folder = make_run(tmp_path / 'r', status='running', process=process, iterations={'done': 50, 'planned': 100})
    run = read_run(folder, 'r')
    assert run.status == status
    assert ('50 of 100' in run.reason) == (status == 'interrupted')


class TestBroken:
    @pytest.mark.parametrize(
        ('name', 'content', 'reason'),
        [
            ('run.json', '{"status": "fini', 'run.json: cannot be read as JSON'),
            ('run.json', '[]', 'run.json: holds a list'),
            ('scalars.json', '{"iter": 1}\nnoise\n{"iter": 2}\n', 'scalars.json, line 2: not a JSON object'),
            ('records/val_best.parquet', 'no parquet', 'records/val_best.parquet: cannot be read as Parquet'),
            ('val/metrics.json', '{"scores": {}}', 'val/metrics.json: has other scores: Object missing required field'),
            ('environment.json', '{"commit": "\\ud800"}', 'environment.json: cannot be read as JSON'),
            ('best_mDice.pth', 'no checkpoint', ''),  # not looked at: the run says how many parameters it has
        ],
    )
    def test_the_rest_is_still_read(self, make_run: Any, tmp_path: Path, name: str, content: str, reason: str) -> None:
        folder = make_run(tmp_path / 'r')
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
        run = read_run(folder, 'r')
        assert reason in run.reason
        assert str(tmp_path) not in run.reason
        assert '\n' not in run.reason
        assert run.curves or run.hyperparameters

    def test_nothing_can_be_read(self, tmp_path: Path) -> None:
        (tmp_path / 'scalars.json').write_text('noise\n\n')
        assert read_run(tmp_path, 'r').status == 'unreadable'
        (tmp_path / 'scalars.json').unlink()
        assert read_run(tmp_path, 'r').reason.startswith('holds no run')

    def test_a_failed_run_says_why(self, make_run: Any, tmp_path: Path) -> None:
        run = read_run(make_run(tmp_path / 'r', status='failed', reason='RuntimeError: no memory'), 'r')
        assert (run.status, run.reason) == ('failed', 'RuntimeError: no memory')

    @pytest.mark.parametrize(
        ('key', 'value'),
        [
            ('minutes', 'x'), ('minutes', True), ('gflops', math.nan), ('batch_size', '8'), ('seed', [3]),
            ('input_size', 7), ('input_size', [1, 2, 3]), ('hyperparameters', ['no', 'mapping']), ('best', [1]),
            ('best', {'iter': 'x'}), ('process', {'id': -1, 'host': platform.node()}), ('config', {}), ('reason', 7),
        ],
    )  # fmt: skip
    def test_a_senseless_value_costs_only_itself(self, make_run: Any, tmp_path: Path, key: str, value: Any) -> None:
        run = read_run(make_run(tmp_path / 'r', status='finished', **{key: value}), 'r')
        assert run.status == 'finished'
        assert run.reason.startswith(f'run.json: {key} is left out (Expected')
        assert run.reason.count('left out') == 1
        assert run.evaluations[0].mean is not None
