"""The benchmark ``time-to-score``: the configs of its two sides, and who is ended when."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.benchmark import contestant, roles
from mmseg_ext.workflows.benchmark.time_to_score import benchmark_time_to_score, our_recipe, stock_recipe
from mmseg_ext.workflows.benchmark.workload import CHEAP_MODEL, Workload, open_workload

DEMO = 'demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192'
# Reports a time of 2 s (3 s by mmsegmentation's) and a mDice of 20, 40, 60, … percent without training.
WORK = """
import os, sys
role = sys.argv[1]
report = os.fdopen(int(os.environ['MMSEG_EXT_BENCHMARK_FD']), 'w')
score = 0
for line in sys.stdin:
    if line.strip() == '0':
        print(0, file=report, flush=True)
        continue
    score += {slope}[role]
    print({seconds}[role], score, file=report, flush=True)
"""
SECONDS = {'train-ours': 2, 'train-stock': 3}


class Done(BaseException):
    """Ends a training from within, as the end of the process does."""


class OneValidation:
    """In the place of `contestant.Turns`: ends the training with the first validation."""

    def wait(self) -> None:
        pass

    def step_done(self, score: float) -> None:
        assert 0 <= score <= 100
        raise Done


@pytest.fixture(scope='module')
def workload(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    opened = open_workload(DEMO, None, tmp_path_factory.mktemp('work'), images=3, size=64, batch=2, workers=0)
    opened.config.model = CHEAP_MODEL | {
        'data_preprocessor': CHEAP_MODEL['data_preprocessor'] | {'size': opened.config.crop_size}
    }
    return opened


def test_both_recipes_train_until_a_validation(
    workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, 'Turns', OneValidation)
    for role, recipe in (('train-ours', our_recipe), ('train-stock', stock_recipe)):
        config = recipe(workload, 'labels', 2)
        config.train_dataloader.update(num_workers=0, persistent_workers=False)
        config.dump(str(tmp_path / f'{role}.py'))
        with pytest.raises(Done):
            roles.play(role, str(tmp_path / f'{role}.py'), str(tmp_path / role))


def test_the_stock_recipe_is_mmsegmentations_from_our_weights(workload: Workload) -> None:
    weights = {'type': 'Pretrained', 'checkpoint': 'weights://efficientnet-lite2'}
    workload.config.model.backbone.init_cfg = weights
    try:
        stock = stock_recipe(workload, 'labels_true', 10)
    finally:
        del workload.config.model.backbone['init_cfg']
    assert stock.model.backbone.init_cfg == weights
    assert stock.model.decode_head.loss_decode.type == 'CrossEntropyLoss'
    assert stock.optim_wrapper.optimizer.type == 'SGD'
    assert stock.train_cfg == {'type': 'IterBasedTrainLoop', 'max_iters': 1000, 'val_interval': 10}
    assert stock.train_dataloader.dataset.data_prefix.seg_map_path == 'labels_true/train'
    assert stock.val_dataloader.dataset.data_prefix.seg_map_path == 'labels/val'


@pytest.mark.parametrize(
    ('slope', 'ratio', 'ends'),
    [
        ({'train-ours': 30, 'train-stock': 20}, 6 / 12, [('0.10', '90.00'), ('0.20', '80.00')]),
        ({'train-ours': 40, 'train-stock': 1}, 4 / 30, [('0.07', '80.00'), ('0.50', '10.00')]),
        ({'train-ours': 1, 'train-stock': 40}, math.inf, [('0.33', '10.00'), ('0.10', '80.00')]),
    ],
    ids=['both', 'only ours: a bound', 'not ours'],
)
def test_a_side_ends_with_the_score_or_its_last_iteration(
    slope: dict[str, int], ratio: float, ends: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contestant, 'START', WORK.format(slope=slope, seconds=SECONDS))
    result = benchmark_time_to_score(DEMO, score=80, interval=100, images=2, threads=1)  # 1,000 iterations
    assert result.ratio == pytest.approx(ratio)
    assert result.goal == 0.333
    rows = [line.split() for line in result.table.splitlines()[2:]]
    for row, (minutes, best) in zip(rows, ends, strict=True):
        assert {minutes, best} <= set(row)
        assert ('reached' in row) == (float(best) < 80)


def test_time_ends_a_side_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestant, 'START', WORK.format(slope={'train-ours': 1, 'train-stock': 1}, seconds=SECONDS))
    result = benchmark_time_to_score(DEMO, score=80, interval=10, minutes=0.1, images=2, threads=1)
    assert [line.split()[-4] for line in result.table.splitlines()[2:]] == ['30', '20']  # iterations in 6 s


@pytest.mark.parametrize(
    ('config', 'interval', 'problem'),
    [
        ('pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256', 50, 'counts in epochs'),
        (DEMO, 2000, 'ends after 1000 iterations'),
        ('pets/deeplabv3plus_resnet-v2-50-c4_ce-dice-adamw-pseudo-2000it_pets-320x320', 50, 'several data sets'),
    ],
)
def test_unsuitable_configs_are_named(config: str, interval: int, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        benchmark_time_to_score(config, interval=interval, images=2)


@pytest.mark.parametrize(('setting', 'problem'), [({'score': 101}, 'not a percentage'), ({'minutes': 0}, 'no time')])
def test_unusable_settings_are_named(setting: dict[str, float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        benchmark_time_to_score(DEMO, **setting)  # type: ignore[arg-type]  # of mixed kinds
