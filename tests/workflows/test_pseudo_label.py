from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colour_networks import INFO, ColourNetwork, save_onnx
from PIL import Image

from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.views import Views
from mmseg_ext.workflows.pseudo_label import PseudoLabelSettings, constrained_mask, write_pseudo_labels

# Chances of background, cat and dog at five pixels of one row.
CHANCES = np.array([[0.9, 0.75, 0.5, 0.4, 0.1], [0.1, 0.1, 0.3, 0.1, 0.8], [0.0, 0.15, 0.2, 0.5, 0.1]])[:, None, :]


def test_the_folder_names_the_class_and_the_model_the_outline() -> None:
    np.testing.assert_array_equal(constrained_mask(CHANCES, [1], 0.3, 0.6), [[0, 0, 255, 1, 1]])
    np.testing.assert_array_equal(constrained_mask(CHANCES, [2], 0.3, 0.6), [[0, 0, 255, 2, 2]])


def test_of_several_known_classes_the_likeliest_is_taken() -> None:
    np.testing.assert_array_equal(constrained_mask(CHANCES, [1, 2], 0.3, 0.6), [[0, 0, 255, 2, 1]])
    np.testing.assert_array_equal(constrained_mask(CHANCES, [1, 2], 0.5, 0.5, 9), [[0, 0, 1, 2, 1]])


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize(('sides', 'heights'), [((), (64, 96)), ((32, 64), (32, 64))])
def test_images_are_seen_in_the_views_of_the_teacher(
    flip: bool, sides: tuple[int, ...], heights: tuple[int, ...], tmp_path: Path
) -> None:
    (tmp_path / 'cat').mkdir()
    Image.fromarray(np.full((64, 64, 3), (200, 0, 0), np.uint8)).save(tmp_path / 'cat/a.png')
    network = ColourNetwork()
    teacher = Predictor(network, views=Views(((64, 64), (96, 96)), flip))
    write_pseudo_labels(teacher, tmp_path, tmp_path / 'out', PseudoLabelSettings(sides=sides))
    assert sorted(network.calls) == [(1 + flip, 3, height, height) for height in heights]


@pytest.mark.parametrize('flip', [False, True])
def test_the_command_takes_the_augmentation_that_the_model_was_made_for(
    flip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmseg_ext.commands.pseudo_label import main

    model = save_onnx(tmp_path / 'a.onnx', replace(INFO, size=(64.0, 64.0), tta_flip=flip))
    taken: list[Predictor] = []

    def label(predictor: Predictor, *_: Any) -> dict[str, Any]:
        taken.append(predictor)
        return {'images': 1, 'kept': 1, 'class_agrees_with_model': 1, 'failed': []}

    monkeypatch.setattr('mmseg_ext.workflows.pseudo_label.write_pseudo_labels', label)
    assert main([str(model), str(tmp_path), '--out', str(tmp_path / 'out')]) == 0
    assert [predictor.members[0].views.flip for predictor in taken] == [flip]


@pytest.mark.parametrize('present', [[], [0], [0, 1]])
def test_background_is_no_class_of_an_object(present: list[int]) -> None:
    with pytest.raises(ValueError, match='present'):
        constrained_mask(CHANCES, present, 0.3, 0.6)


def test_thresholds_are_in_order() -> None:
    with pytest.raises(ValueError, match='low <= high'):
        constrained_mask(CHANCES, [1], 0.6, 0.3)
