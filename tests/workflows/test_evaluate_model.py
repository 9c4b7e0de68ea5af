"""What the test of an exported model or an ensemble refuses and records; results: tests/commands/test_ensemble.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from colour_networks import save_onnx

from mmseg_ext.data.images import write_image
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.evaluate_model import evaluate_model


def test_other_classes_and_folds_that_are_not_known_are_refused(tmp_path: Path) -> None:
    model, both = save_onnx(tmp_path / 'one.onnx'), tmp_path / 'both.yaml'
    shutil.copyfile(model, tmp_path / 'two.onnx')
    both.write_text('members:\n- model: one.onnx\n- model: two.onnx\n')
    (tmp_path / 'labels' / 'train').mkdir(parents=True)
    write_image(tmp_path / 'img' / 'test' / 'a.png', np.zeros((8, 8, 3), np.uint8))

    (tmp_path / 'dataset.yaml').write_text('classes: [background, dog, cat]')
    with pytest.raises(
        InputError, match='has the classes background, dog, cat, but the model has background, cat, dog; give'
    ):
        evaluate_model(model, tmp_path)
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat, dog]')
    with pytest.raises(InputError, match=r'one\.onnx: is one model, which has no folds'):
        evaluate_model(model, tmp_path, out_of_fold=True)
    with pytest.raises(InputError, match=r'one\.onnx: does not tell which fold it left out; give the work dir'):
        evaluate_model(both, tmp_path, out_of_fold=True)
    assert not [path for path in tmp_path.iterdir() if path.name.endswith('-test')]


@pytest.mark.parametrize(('options', 'recorded'), [(('true', 'true'), True), (('true', 'false'), False)])
def test_the_record_says_whether_all_members_augment(options: tuple[str, str], recorded: bool, tmp_path: Path) -> None:
    save_onnx(tmp_path / 'one.onnx')
    both = tmp_path / 'both.yaml'
    both.write_text('members:\n' + ''.join(f'- model: one.onnx\n  tta: {option}\n' for option in options))
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat, dog]')
    write_image(tmp_path / 'img' / 'test' / 'a.png', np.zeros((8, 8, 3), np.uint8))
    assert evaluate_model(both, tmp_path).metrics['tta'] is recorded


def test_masks_that_cannot_be_scored_are_refused_before_anything_is_predicted(tmp_path: Path) -> None:
    model = save_onnx(tmp_path / 'one.onnx')
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat, dog]')
    write_image(tmp_path / 'img' / 'test' / 'a.png', np.zeros((8, 8, 3), np.uint8))
    for mask, problem in (
        (np.eye(8, dtype=np.uint8) * 255, 'all masks hold only 0 and 255'),
        (np.eye(8, dtype=np.uint8) * 7, 'holds class id 7'),
        (np.zeros((8, 9), np.uint8), 'mask is 9×8 pixels'),
    ):
        write_mask(tmp_path / 'labels' / 'test' / 'a.png', mask, [(0, 0, 0)] * 256)
        with pytest.raises(InputError, match=problem):
            evaluate_model(model, tmp_path)
    write_mask(tmp_path / 'labels' / 'test' / 'a.png', np.eye(8, dtype=np.uint8), [(0, 0, 0), (9, 9, 9)])
    assert 'scores' in evaluate_model(model, tmp_path).metrics
