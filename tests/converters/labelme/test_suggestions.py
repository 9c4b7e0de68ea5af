from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.labelme.importing import paint_file
from mmseg_ext.converters.labelme.paint import PaintRules
from mmseg_ext.converters.labelme.suggestions import suggested_labels, write_label_list, write_suggestion
from mmseg_ext.data.classes import Classes

CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (255, 0, 0), (0, 255, 0)))
MASK = np.array([[0, 1, 1, 0], [0, 1, 255, 0], [2, 0, 0, 0]], np.uint8)
MODEL = np.array([[0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 0, 2]], np.uint8)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / 'img').mkdir()
    Image.new('RGB', (4, 3)).save(tmp_path / 'img' / 'a.png')
    return tmp_path / 'img' / 'a.png'


def test_both_masks_come_back_exactly(image: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'queue'
    assert write_suggestion(folder, image, MASK, MODEL, CLASSES)
    given = paint_file(folder / 'a.json', image, CLASSES, PaintRules(suggested_labels(CLASSES)))
    np.testing.assert_array_equal(given.mask, MASK)
    document = json.loads((folder / 'a.json').read_text())
    kept = [shape for shape in document['shapes'] if shape['label'].startswith('model: ')]
    for shape in kept:
        shape['label'] = shape['label'].removeprefix('model: ')
    (folder / 'a.json').write_text(json.dumps({**document, 'shapes': kept}))
    np.testing.assert_array_equal(paint_file(folder / 'a.json', image, CLASSES).mask, MODEL)


def test_a_file_that_somebody_may_have_worked_on_stays(image: Path, tmp_path: Path) -> None:
    write_suggestion(tmp_path, image, MASK, MODEL, CLASSES)
    (tmp_path / 'a.json').write_text('edited')
    assert not write_suggestion(tmp_path, image, MASK, MODEL, CLASSES)
    assert (tmp_path / 'a.json').read_text() == 'edited'


def test_the_label_list_holds_classes_and_suggestions(tmp_path: Path) -> None:
    write_label_list(tmp_path, CLASSES)
    lines = (tmp_path / 'labels.txt').read_text().splitlines()
    assert lines == ['__ignore__', 'background', 'cat', 'dog', 'model: cat', 'model: dog']
