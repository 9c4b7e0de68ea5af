from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from locked_folder import locked

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.workflows import rank as module
from mmseg_ext.workflows.out_of_fold import FoldTask
from mmseg_ext.workflows.rank import RankingSettings, _check_other, rank_labels

HeldOut = Callable[..., list[list[str]]]


def test_judges_of_one_name_are_refused() -> None:
    for second in ('b/config.py', 'a/config.py'):
        with pytest.raises(
            InputError, match=rf'{second}: has the same file name as a/config.py, and judges are told apart'
        ):
            RankingSettings('d', ('a/config.py', second))


def test_a_negative_seed_is_named() -> None:
    with pytest.raises(InputError, match=r'`seeds=-1`: must be at least 0'):
        RankingSettings('d', ('c.py',), seeds=(0, -1))


def test_a_ranking_of_the_same_folder_joins_in_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = RankingSettings('data/pets', ('c.py',))
    for found in ('./data/pets', str(tmp_path / 'data' / 'pets')):
        (tmp_path / 'ranking.json').write_text(
            json.dumps({'settings': {'data_root': found, 'labels': 'labels', 'split': 'train'}})
        )
        _check_other(tmp_path, settings)
    for found in ('data/dogs', 'a\0', None):
        (tmp_path / 'ranking.json').write_text(
            json.dumps({'settings': {'data_root': found, 'labels': 'labels', 'split': 'train'}})
        )
        with pytest.raises(InputError, match='different masks'):
            _check_other(tmp_path, settings)


@pytest.fixture
def held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HeldOut:
    """Rank in ``out``, up to the trainings: what each would leave out, of images that are now divided so."""
    (tmp_path / 'c.py').write_text('model = train_cfg = dict()\ntrain_dataloader = dict(dataset=dict(type="D"))')
    monkeypatch.chdir(tmp_path)

    def rank(
        images: str, fold_of: Sequence[int], data_root: str = 'd', config: str = 'c.py', *others: str
    ) -> list[list[str]]:
        settings = RankingSettings(data_root, (config,), folds=2, others=others)
        planned: list[FoldTask] = []

        def run(tasks: Sequence[FoldTask], workers: str) -> list[FoldTask]:
            planned.extend(tasks)
            raise KeyboardInterrupt

        monkeypatch.setattr(module, 'run_folds', run)
        monkeypatch.setattr(module, '_check_other', lambda *_: None)
        monkeypatch.setattr(module, '_files', lambda _: (None, {stem: Path(stem) for stem in images}, {}))
        monkeypatch.setattr(module, 'divide', lambda *_: dict(zip(images, fold_of, strict=True)))
        with pytest.raises(KeyboardInterrupt):
            rank_labels(settings, tmp_path / 'out')
        return [list(task.held_out) for task in planned]

    return rank


def test_a_ranking_goes_on_with_the_folds_that_it_began_with(held_out: HeldOut, tmp_path: Path) -> None:
    """A corrected mask changes the division; the models know the images on which they were trained."""
    begun = [['a', 'b'], ['c', 'd']]
    assert held_out('abcd', (0, 0, 1, 1)) == begun
    assert held_out('abcd', (0, 1, 1, 0)) == begun
    for images in ('abcde', 'abc', 'abce'):
        with pytest.raises(InputError, match=r'out: its folds\.json does not divide the images that there are now'):
            held_out(images, [0] * len(images))
    for damaged in ('{}', '[]', '{"0": {"a": "x"}}'):
        (tmp_path / 'out' / 'folds.json').write_text(damaged)
        with pytest.raises(InputError, match=r'does not divide the images'):
            held_out('abcd', (0, 0, 1, 1))


def test_a_ranking_in_use_is_left_alone(held_out: HeldOut, tmp_path: Path) -> None:
    held_out('ab', (0, 1))
    with (
        locked(tmp_path / 'out') as holder,
        pytest.raises(InputError, match=rf'out: in use by process {holder} .* or choose another `out`'),
    ):
        held_out('ab', (0, 1))


def test_a_ranking_goes_on_however_its_paths_are_written(held_out: HeldOut, tmp_path: Path) -> None:
    begun = held_out('ab', (0, 1), 'd', 'c.py', 'other')
    assert held_out('ab', (0, 1), './d/', str(tmp_path / 'c'), 'other/') == begun
    for paths in (('e', 'c.py', 'other'), ('d', 'c.py', 'another')):
        with pytest.raises(InputError, match='other settings'):
            held_out('ab', (0, 1), *paths)
