from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmseg_ext.errors import InputError

evaluate = pytest.importorskip('mmseg_ext.workflows.evaluate', exc_type=ImportError)


def test_of_two_tests_into_one_folder_at_a_time_the_later_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / 'config.py'
    config.write_text("model = {}\ntest_cfg = {}\ntest_dataloader = dict(dataset=dict(labels='labels'))\n")
    checkpoints = [tmp_path / f'{name}.pth' for name in 'ab']
    for checkpoint in checkpoints:
        checkpoint.touch()
    first, second = checkpoints

    def build_runner(settings: Any) -> Any:
        """The runner of the first test, in the middle of which the second runs from beginning to end."""

        def test() -> None:
            masks = Path(settings.test_evaluator.masks)
            masks.mkdir()
            (masks / f'{Path(settings.load_from).stem}.png').touch()
            if settings.load_from == str(first):
                evaluate.evaluate_split(config, second, out=tmp_path / 'out')

        return SimpleNamespace(test=test, test_dataloader=SimpleNamespace(dataset=[]))

    monkeypatch.setattr(evaluate, 'build_runner', build_runner)
    with pytest.raises(InputError, match='holds an earlier result'):
        evaluate.evaluate_split(config, first, out=tmp_path / 'out')
    assert json.loads((tmp_path / 'out' / 'metrics.json').read_text())['checkpoint'] == str(second)
    assert [path.name for path in (tmp_path / 'out' / 'masks').iterdir()] == ['b.png']
    assert {path.name for path in tmp_path.iterdir()} == {'config.py', 'a.pth', 'b.pth', 'out'}


def test_a_split_is_read_where_the_loader_of_its_name_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'a.pth'
    config.write_text(
        'model = {}\ntest_cfg = {}\n'
        "train_dataloader = dict(dataset=dict(data_root='own', split='train', indices=[2]))\n"
        "val_dataloader = dict(dataset=dict(data_root='own', split='train', indices=[0, 1]))\n"
        "test_dataloader = dict(dataset=dict(data_root='external', split='test', indices=[4]))\n"
    )
    checkpoint.touch()
    runner = SimpleNamespace(test=lambda: None, test_dataloader=SimpleNamespace(dataset=[]))
    read: list[Any] = []
    monkeypatch.setattr(evaluate, 'build_runner', lambda it: read.append(it.test_dataloader.dataset) or runner)
    for split, root, indices in (('train', 'own', [2]), ('val', 'own', None), ('test', 'external', [4])):
        result = evaluate.evaluate_split(config, checkpoint, split)
        assert (read[-1].data_root, read[-1].split, read[-1].indices) == (root, split, indices)
        assert result.metrics['data_root'] == root
