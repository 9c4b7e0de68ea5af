from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.models.losses import CrossEntropyLoss, DiceLoss


@pytest.fixture
def train(toy: ModuleType, tmp_path: Path) -> Any:
    def run(*losses: Any) -> Path:
        model = toy.ToyModel()
        for number, loss in enumerate(losses):
            setattr(model, f'loss{number}', loss)
        toy.build_runner(
            tmp_path / 'run', epochs=1, model=model, custom_hooks=[{'type': 'mmseg_ext.ClassWeightsHook'}]
        ).train()
        return tmp_path / 'run' / 'class_weights.json'

    return run


def weights_file(folder: Path, classes: list[str]) -> str:
    path = folder / 'weights.json'
    path.write_text(json.dumps({'classes': classes, 'weights': [1.0, 2.0]}))
    return str(path)


def test_weights_of_a_file_are_kept_under_the_name_of_the_loss(train: Any, tmp_path: Path) -> None:
    source = weights_file(tmp_path, ['cat', 'dog'])
    kept = train(CrossEntropyLoss(class_weight=[3, 4]), DiceLoss(class_weight=source), DiceLoss())
    assert json.loads(kept.read_text()) == {
        'loss1': {'source': source, 'classes': ['cat', 'dog'], 'weights': [1.0, 2.0]}
    }


def test_nothing_is_written_where_the_config_says_it_all(train: Any) -> None:
    assert not train(CrossEntropyLoss(class_weight=[3, 4]), DiceLoss()).exists()


def test_weights_of_other_classes_are_refused(train: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match='for the classes dog, cat, but the data have cat, dog'):
        train(CrossEntropyLoss(class_weight=weights_file(tmp_path, ['dog', 'cat'])))
