"""How a training of a search is watched, with one that only writes its curve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.search import trial as module

VALUES = {'val/mDice': 80.0, 'val/mIoU': None, 'val/Dice/cat': 80.0}


@pytest.fixture
def training(tmp_path: Path) -> Any:
    """A training that is validated once each time that it is waited for, and ends after three."""

    class Training:
        validations = 0

        def is_alive(self) -> bool:
            return self.validations < 3

        def join(self, timeout: float) -> None:
            self.validations += 1
            with (tmp_path / 'scalars.json').open('a') as stream:
                stream.write(json.dumps({'iter': self.validations, 'train/loss': 1.0}) + '\n')
                stream.write(json.dumps({'iter': self.validations, **VALUES}) + '\n')

    return Training()


def test_each_validation_is_told_once(training: Any, tmp_path: Path) -> None:
    told: list[tuple[float, int]] = []
    assert not module._watch(training, tmp_path / 'scalars.json', 'mDice', lambda *point: bool(told.append(point)))
    assert told == [(80.0, 1), (80.0, 2), (80.0, 3)]
    assert not module._watch(training, tmp_path / 'scalars.json', 'mIoU', lambda *_: True)  # known, but undefined


def test_a_metric_that_the_validation_lacks_ends_the_training_at_the_first(training: Any, tmp_path: Path) -> None:
    words = r'`metric=mdice`: is no value of the validation; choose one that it has, such as mDice, mIoU, Dice/cat, and'
    with pytest.raises(InputError, match=words):
        module._watch(training, tmp_path / 'scalars.json', 'mdice', lambda *_: False)
    assert training.validations == 1
