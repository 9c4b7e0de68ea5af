from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.split import SplitOptions
from mmseg_ext.converters.supervisely import convert_supervisely, decode_bitmap
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

META = {
    'classes': [
        {'title': 'scratch', 'shape': 'any', 'color': '#307020', 'geometry_config': {}},
        {'title': 'dent', 'shape': 'bitmap', 'color': '#B07020'},
    ],
    'tags': [],
}
HEIGHT, WIDTH = 8, 10


def encode(pixels: Any, mode: str = 'P') -> str:
    """Write a bitmap as Supervisely does: a palette PNG with a transparent 0, or an RGBA one."""
    binary, stream = np.asarray(pixels, np.uint8), io.BytesIO()
    if mode == 'P':
        image = Image.fromarray(binary)
        image.putpalette([0, 0, 0, 255, 255, 255])
        image.save(stream, 'PNG', transparency=0)
    else:
        Image.fromarray(np.dstack([np.full_like(binary, 9)] * 3 + [binary * 255])).save(stream, 'PNG')
    return base64.b64encode(zlib.compress(stream.getvalue())).decode()


def shape(title: str, kind: str, exterior: Any = None, interior: Any = (), **fields: Any) -> dict[str, Any]:
    points = {} if exterior is None else {'points': {'exterior': exterior, 'interior': list(interior)}}
    return {'classTitle': title, 'geometryType': kind, **points, **fields}


def write(root: Path, files: dict[str, Any], meta: Any = META) -> Path:
    root.mkdir()
    (root / 'meta.json').write_text(json.dumps(meta))
    for name, objects in files.items():
        dataset, _, file = name.rpartition('/')
        for folder in ('img', 'ann'):
            (root / dataset / folder).mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (WIDTH, HEIGHT)).save(root / dataset / 'img' / file)
        if objects is not None:
            content = (
                objects
                if isinstance(objects, str)
                else json.dumps(
                    {'description': '', 'size': {'height': HEIGHT, 'width': WIDTH}, 'tags': [], 'objects': objects}
                )
            )
            (root / dataset / 'ann' / f'{file}.json').write_text(content)
    return root


def test_objects_are_painted_as_supervisely_does(tmp_path: Path) -> None:
    square, hole = [[1, 1], [7, 1], [7, 6], [1, 6]], [[3, 3], [5, 3], [5, 4], [3, 4]]
    bitmap = {'data': encode([[1, 0], [1, 1]]), 'origin': [8, 0]}
    objects = [
        shape('scratch', 'polygon', square, [hole]),
        shape('dent', 'rectangle', [[0, 0], [1, 1]]),
        shape('dent', 'bitmap', bitmap=bitmap),
        shape('dent', 'line', [[0, 0], [9, 7]]),
    ]
    source = write(tmp_path / 'project', {'train/a.png': objects, 'val/a.png': None})
    done = convert_supervisely(source, tmp_path / 'data')
    assert done.images == {'train': 1, 'val': 1}
    assert Classes.read(tmp_path / 'data').palette == ((0, 0, 0), (48, 112, 32), (176, 112, 32))
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[1:7, 1:8] = 1  # with its outline
    expected[3:5, 3:6] = 0  # so has the hole
    expected[:2, :2] = 2
    expected[:2, 8:] = [[2, 0], [2, 2]]
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/a.png'), expected)
    assert not read_mask(tmp_path / 'data/labels/val/a.png').any()
    assert done.report.counts['dent']['taken'] == 2
    assert done.report.notes == ['1 objects of type line have no area and are left out']
    assert done.report.is_clean


def test_bitmaps_of_both_kinds_are_cropped_at_the_image(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (5, 4))
    for mode in ('P', 'RGBA'):
        np.testing.assert_array_equal(decode_bitmap(encode(pixels, mode)), pixels == 1)
    objects = [
        shape('dent', 'bitmap', bitmap={'data': encode(pixels, 'RGBA'), 'origin': [-2, HEIGHT - 3]}),
        shape('dent', 'bitmap', bitmap={'data': encode(pixels), 'origin': [WIDTH, 0]}),
        shape('dent', 'bitmap', bitmap={'data': 'no base64!', 'origin': [0, 0]}),
        shape('dent', 'bitmap', bitmap={'data': base64.b64encode(zlib.compress(b'no PNG')).decode(), 'origin': [0, 0]}),
        shape('dent', 'bitmap', bitmap={'data': encode(pixels)}),
        shape('dent', 'polygon', [[1, 1], [2, 2]]),
    ]
    source = write(tmp_path / 'project', {'ds/a.png': objects})
    done = convert_supervisely(source, tmp_path / 'data', split=SplitOptions(0, 0))
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[HEIGHT - 3 :, :2] = pixels[:3, 2:] * 2
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/a.png'), expected)
    whys = ('lies outside', 'not compressed base64', 'is not a PNG', "lacks 'origin'", 'fewer than 3 points')
    for line, why in zip(done.report.skipped, whys, strict=True):
        assert why in line


def test_a_bad_file_costs_only_its_image_and_datasets_name_the_images(tmp_path: Path) -> None:
    files = {
        'day 1/a.png': [], 'day 2/a.png': [], 'day 2/b.png': '{', 'day 2/c.png': [shape('bird', 'polygon', [])],
        'day 2/d.png': '{"size": {"height": 8, "width": 9}, "objects": []}',
    }  # fmt: skip
    done = convert_supervisely(write(tmp_path / 'p', files), tmp_path / 'data', split=SplitOptions(0, 0))
    assert sorted(path.name for path in (tmp_path / 'data/labels/train').iterdir()) == ['day 1_a.png', 'day 2_a.png']
    words = (
        'b.png.json: is not a Supervisely annotation',
        "class 'bird', which is not in meta.json",
        'are for 9×8',
    )
    for error, word in zip(done.report.failed, words, strict=True):
        assert word in str(error)


@pytest.mark.parametrize('meta', [{}, {'classes': []}, [], {'classes': [{'color': '#000000'}]}])
def test_a_wrong_meta_file_is_refused_in_one_line(meta: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'meta\.json: ') as caught:
        convert_supervisely(write(tmp_path / 'p', {'d/a.png': []}, meta), tmp_path / 'data')
    assert '\n' not in str(caught.value)


def test_a_second_dataset_does_not_double_the_images_of_the_first(tmp_path: Path) -> None:
    source = write(tmp_path / 'p', {'day 1/a.png': []})
    convert_supervisely(source, tmp_path / 'data', split=SplitOptions(0, 0))
    (source / 'day 1').rename(tmp_path / 'day 1')
    (source / 'meta.json').unlink()
    source.rmdir()
    write(source, {'day 2/b.png': []})
    (tmp_path / 'day 1').rename(source / 'day 1')
    with pytest.raises(InputError, match='made with datasets null instead of "named"'):
        convert_supervisely(source, tmp_path / 'data', split=SplitOptions(0, 0))
