"""The search itself, with trainings that only compute a value."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from locked_folder import locked

optuna = pytest.importorskip('optuna')

from mmseg_ext.errors import InputError  # noqa: E402
from mmseg_ext.workflows.search import SearchSettings, parse_space, search  # noqa: E402
from mmseg_ext.workflows.search import local as module  # noqa: E402
from mmseg_ext.workflows.search.trial import Outcome  # noqa: E402

CONFIG = """
model = dict(width=0.0)
train_dataloader = dict(batch_size=1)
val_dataloader = dict()
train_cfg = dict()
optim_wrapper = dict(optimizer=dict(lr=0.1, betas=[0.9, 0.99]))
"""
Answer = Callable[[dict[str, Any], Callable[[float, int], bool]], Outcome]


@pytest.fixture
def settings(tmp_path: Path) -> SearchSettings:
    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    return SearchSettings(str(path), tuple(parse_space(['model.width=-1.0:1.0'])))


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], list[dict[str, Any]]]:
    """Replaces trainings by a function of their overrides; returns the list of overrides that were tried."""

    def install(function: Answer) -> list[dict[str, Any]]:
        tried: list[dict[str, Any]] = []

        def run(config: str, work_dir: Path, seed: int, options: dict, metric: str, is_hopeless: Any) -> Outcome:
            tried.append(dict(options))
            return function(options, is_hopeless)

        monkeypatch.setattr(module, 'run_trial', run)
        return tried

    return install


def parabola(options: dict[str, Any], is_hopeless: Any) -> Outcome:
    return Outcome('complete', 80 - 50 * (options['model.width'] - 0.3) ** 2, 10, 0.1)


def test_it_finds_the_top_of_a_parabola(settings: SearchSettings, answer: Any, tmp_path: Path) -> None:
    answer(parabola)
    report = search(settings, 30, tmp_path / 'out')
    best = report['trials'][0]
    assert best['parameters']['model.width'] == pytest.approx(0.3, abs=0.1)
    values = [row['value'] for row in report['trials']]
    assert values == sorted(values, reverse=True)
    assert json.loads((tmp_path / 'out' / 'search.json').read_text()) == report


def test_a_search_is_continued_and_extended(settings: SearchSettings, answer: Any, tmp_path: Path) -> None:
    def dies_at_the_third(options: dict[str, Any], is_hopeless: Any) -> Outcome:
        if len(tried) == 3:
            raise KeyboardInterrupt
        return parabola(options, is_hopeless)

    tried = answer(dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        search(settings, 3, tmp_path / 'out')
    again = answer(parabola)
    search(settings, 3, tmp_path / 'out')
    assert again == [tried[2]]  # what was under way when it was killed
    report = search(settings, 4, tmp_path / 'out')
    states = [row['state'] for row in report['trials']]
    assert states.count('complete') == 4
    assert [row['reason'] for row in report['trials'] if row['state'] == 'failed'] == ['killed']
    assert not answer(parabola)
    renamed = replace(settings, config=settings.config.removesuffix('.py'))
    assert search(renamed, 4, tmp_path / 'out')['trials'] == report['trials']  # finished: nothing is trained


def test_a_training_that_had_ended_when_its_call_was_killed_counts(
    settings: SearchSettings, answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(parabola)
    with monkeypatch.context() as patch:
        patch.setattr(module, '_tell', lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            search(settings, 1, tmp_path / 'out')
    tried = answer(parabola)
    assert [row['state'] for row in search(settings, 1, tmp_path / 'out')['trials']] == ['complete']
    assert not tried


def test_a_search_in_use_is_left_alone(settings: SearchSettings, answer: Any, tmp_path: Path) -> None:
    tried = answer(parabola)
    report = search(settings, 1, tmp_path / 'out')
    with (
        locked(tmp_path / 'out') as holder,
        pytest.raises(InputError, match=rf'out: in use by process {holder} .* or choose another `out`'),
    ):
        search(settings, 2, tmp_path / 'out')
    assert len(tried) == 1
    assert json.loads((tmp_path / 'out' / 'search.json').read_text()) == report


def test_one_training_that_is_killed_does_not_end_the_search(
    settings: SearchSettings, answer: Any, tmp_path: Path
) -> None:
    def dies(options: dict[str, Any], is_hopeless: Any) -> Outcome:
        raise KeyboardInterrupt

    answer(dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            search(settings, 1, tmp_path / 'out')
    answer(parabola)
    states = [row['state'] for row in search(settings, 1, tmp_path / 'out')['trials']]
    assert states == ['complete', 'failed', 'failed']


def test_what_lies_below_the_median_is_stopped(settings: SearchSettings, answer: Any, tmp_path: Path) -> None:
    def curve(options: dict[str, Any], is_hopeless: Any) -> Outcome:
        value = 20.0 if len(tried) > 6 else 80.0
        return Outcome('pruned' if is_hopeless(value, 5) else 'complete', value, 5, 0.1)

    tried = answer(curve)
    states = [row['state'] for row in search(settings, 8, tmp_path / 'out')['trials']]
    assert states == ['complete'] * 6 + ['pruned'] * 2


def test_lists_are_choices_and_shared_overrides_reach_every_training(
    settings: SearchSettings, answer: Any, tmp_path: Path
) -> None:
    space = tuple(
        parse_space(['optim_wrapper.optimizer.betas=[[0.9, 0.99], [0.5, 0.9]]', 'train_dataloader.batch_size=2:4'])
    )
    changed = SearchSettings(settings.config, space, options={'optim_wrapper.optimizer.lr': 0.5})
    tried = answer(lambda options, is_hopeless: Outcome('complete', 1.0, 1, 0.1))
    search(changed, 8, tmp_path / 'out')
    assert {tuple(options['optim_wrapper.optimizer.betas']) for options in tried} == {(0.9, 0.99), (0.5, 0.9)}
    assert {options['train_dataloader.batch_size'] for options in tried} <= {2, 3, 4}
    assert {options['optim_wrapper.optimizer.lr'] for options in tried} == {0.5}


def test_failures_are_listed_last_and_told_if_there_is_nothing_else(
    settings: SearchSettings, answer: Any, tmp_path: Path
) -> None:
    answer(lambda options, is_hopeless: Outcome('failed', None, None, 0.1, 'exit code 2: error: no data'))
    with pytest.raises(InputError, match='every training failed; the last: exit code 2: error: no data'):
        search(settings, 2, tmp_path / 'out')
    answer(parabola)
    report = search(settings, 3, tmp_path / 'out')
    assert [row['state'] for row in report['trials']] == ['complete', 'failed', 'failed']


def test_a_key_that_names_nothing_is_refused_before_the_first_training(
    settings: SearchSettings, answer: Any, tmp_path: Path
) -> None:
    tried = answer(parabola)
    wrong = SearchSettings(settings.config, tuple(parse_space(['optim_wrapper.optimiser.lr=0.1:1.0'])))
    with pytest.raises(InputError, match=r'did you mean optim_wrapper\.optimizer'):
        search(wrong, 2, tmp_path / 'out')
    assert not tried
    assert not (tmp_path / 'out').exists()


def test_another_search_or_foreign_files_are_refused(settings: SearchSettings, answer: Any, tmp_path: Path) -> None:
    answer(parabola)
    search(settings, 1, tmp_path / 'out')
    other = SearchSettings(settings.config, tuple(parse_space(['model.width=0.0:1.0'])))
    with pytest.raises(InputError, match='other settings'):
        search(other, 1, tmp_path / 'out')
    with pytest.raises(InputError, match='not empty'):
        search(settings, 1, tmp_path)
    with pytest.raises(InputError, match='at least 1'):
        search(settings, 0, tmp_path / 'new')
