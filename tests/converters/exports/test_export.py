from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

from mmseg_ext.commands.main import main
from mmseg_ext.converters import SplitOptions, WholeOptions, convert_coco, convert_cvat, convert_voc, convert_yolo
from mmseg_ext.converters.coco_format import decode_counts
from mmseg_ext.converters.exports import FORMATS, export_labels
from mmseg_ext.converters.exports.shapes import encode_counts
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import InputError

Mask = NDArray[np.uint8]
CLASSES = Classes(('background', 'ignored', 'a "dent" & <more>'), ((0, 0, 0), (48, 112, 32), (176, 112, 32)))
MASKS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255]))


def write(root: Path, masks: Sequence[Mask], split: str = 'val') -> Path:
    CLASSES.write(root)
    for number, mask in enumerate(masks):
        path = root / 'img' / split / f'{number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', mask.shape[::-1]).save(path)
        write_mask(root / 'labels' / split / f'{number}.png', mask, CLASSES.palette)
    return root


def read_back(kind: str, out: Path, root: Path) -> list[Mask]:
    split = SplitOptions(0, 0)
    if kind.startswith('coco'):
        options = WholeOptions(classes=CLASSES.names[1:], val=0, test=0)
        convert_coco(out / 'annotations/instances_val.json', out / 'images/val', root, options)
    elif kind == 'cvat':
        convert_cvat(out, root, split=split)
    elif kind == 'voc':
        convert_voc(out, root, split=split)
    else:
        convert_yolo(out, root)
    masks = {path.stem.rpartition('_')[2]: read_mask(path) for path in root.glob('labels/*/*.png')}
    return [masks[key] for key in sorted(masks, key=int)]


def by_toolkit(path: Path) -> list[Mask]:
    """Read a COCO file by its own toolkit."""
    coco, masks = COCO(path), []
    for image in coco.imgs.values():
        mask = np.zeros((image['height'], image['width']), np.uint8)
        for entry in sorted(coco.imgToAnns[image['id']], key=lambda entry: -entry['area']):
            mask[coco.annToMask(entry) > 0] = 255 if entry['iscrowd'] else entry['category_id']
        masks.append(mask)
    return masks


@pytest.mark.filterwarnings('ignore:__array__ implementation:DeprecationWarning')
@pytest.mark.parametrize('kind', FORMATS)
@settings(max_examples=12, deadline=None)
@given(masks=st.lists(MASKS, min_size=1, max_size=3).filter(lambda masks: any(np.isin(m, [1, 2]).any() for m in masks)))
def test_masks_survive_the_way_there_and_back(kind: str, masks: list[Mask]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write(folder / 'data', masks)
        report = export_labels(data, 'labels', folder / 'out', kind, images=True)
        expected = [np.where(mask == 255, 0, mask) for mask in masks] if kind == 'yolo' else masks
        lost = sum(int((mask == 255).sum()) for mask in masks) if kind == 'yolo' else 0
        assert report.total('px differ') == lost
        assert bool(report.notes) == (lost > 0)
        for mask, back in zip(expected, read_back(kind, folder / 'out', folder / 'back'), strict=True):
            np.testing.assert_array_equal(back, mask)
        names = Classes.read(folder / 'back').names
        assert names == CLASSES.names
        if kind.startswith('coco'):
            for mask, back in zip(masks, by_toolkit(folder / 'out/annotations/instances_val.json'), strict=True):
                np.testing.assert_array_equal(back, mask)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=9))
def test_compressed_run_lengths(counts: list[int]) -> None:
    assert decode_counts(encode_counts(counts)) == counts


@pytest.mark.parametrize('kind', FORMATS)
def test_without_a_background_the_first_class_has_objects_too(kind: str, tmp_path: Path) -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (7, 9))
    data = write(tmp_path / 'data', [mask])
    replace(CLASSES, names=('road', *CLASSES.names[1:]), background=None).write(data)
    report = export_labels(data, 'labels', tmp_path / 'out', kind, images=True)
    assert report.counts['road']['objects'] > 0
    lost = {'ignored pixels': int((mask == 255).sum())} if kind == 'yolo' else {}
    assert {name: found['px differ'] for name, found in report.counts.items() if found['px differ']} == lost
    expected = np.where(mask == 255, 0 if kind == 'yolo' else 255, mask + 1)  # 0 is background
    if kind == 'voc':
        convert_voc(tmp_path / 'out', tmp_path / 'back', split=SplitOptions(0, 0))
        np.testing.assert_array_equal(read_mask(tmp_path / 'back/labels/val/0.png'), mask)
    if kind == 'coco':
        (back,) = by_toolkit(tmp_path / 'out/annotations/instances_val.json')
        np.testing.assert_array_equal(back, expected)  # ids begin at 1
    if kind in ('cvat', 'yolo'):
        convert = convert_cvat if kind == 'cvat' else convert_yolo
        convert(tmp_path / 'out', tmp_path / 'back')
        np.testing.assert_array_equal(read_mask(tmp_path / 'back/labels/val/0.png'), expected)


def test_ignored_pixels_that_a_tolerance_gives_to_the_first_class_are_counted(tmp_path: Path) -> None:
    mask = np.full((40, 40), 255, np.uint8)
    mask[10:30, 10:30] = 0
    mask[10:30:2, 10] = 255  # teeth, which the tolerance removes
    data, out = write(tmp_path / 'data', [mask]), tmp_path / 'out'
    replace(CLASSES, names=('road', *CLASSES.names[1:]), background=None).write(data)
    report = export_labels(data, 'labels', out, 'coco-polygon', images=True, tolerance=2)
    options = WholeOptions(val=0, test=0)
    convert_coco(out / 'annotations/instances_val.json', out / 'images/val', tmp_path / 'back', options)
    lost = int((read_mask(tmp_path / 'back/labels/train/0.png')[mask == 255] == 1).sum())
    assert lost > 0
    assert report.counts['ignored pixels']['px differ'] == lost


def test_objects_are_8_connected_regions(tmp_path: Path) -> None:
    mask = np.array([[1, 0, 2], [0, 1, 0], [0, 0, 2]], np.uint8)
    export_labels(write(tmp_path / 'data', [mask]), 'labels', tmp_path / 'out', 'coco-polygon')
    content = json.loads((tmp_path / 'out/annotations/instances_val.json').read_text())
    first, *rest = content['annotations']
    assert (first['category_id'], first['area'], first['bbox'], first['iscrowd']) == (1, 2, [0, 0, 2, 2], 0)
    assert first['segmentation'] == [[0, 0, 1, 0, 1, 1, 0, 1], [1, 1, 2, 1, 2, 2, 1, 2]]
    assert [entry['category_id'] for entry in rest] == [2, 2]


def test_the_pixels_that_a_tolerance_costs_are_counted_by_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, columns = np.ogrid[:60, :60]
    disc = (((rows - 30) ** 2 + (columns - 30) ** 2 < 400) & ~((rows > 25) & (rows < 35) & (columns > 25))).astype(
        np.uint8
    )
    data, out = write(tmp_path / 'data', [disc]), tmp_path / 'out'
    command = ['export-labels', str(data), '--labels', 'labels', '--format', 'yolo', '--out', str(out), '--copy-images']
    assert main([*command, '--tolerance', '2']) == 0
    text = capsys.readouterr().out
    (back,) = read_back('yolo', out, tmp_path / 'back')
    wrong = {name: int((disc != back)[disc == value].sum()) for value, name in enumerate(('background', 'ignored'))}
    assert sum(wrong.values()) > 10
    rows_of = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert [int(rows_of[name][-1]) for name in wrong] == list(wrong.values())
    assert f'1 objects; {sum(wrong.values())} px differ from the masks' in text
    with pytest.raises(InputError, match='holds an earlier result'):
        main(command)
    assert main([*command, '--overwrite', '--json', str(tmp_path / 'report.json')]) == 0
    (out / 'mine.txt').touch()
    with pytest.raises(InputError, match=r'holds other files .mine\.txt.'):
        main([*command, '--overwrite'])
    with pytest.raises(InputError, match=r'report\.json: exists; replace it .* or choose another `json`'):
        main([*command[:-2], str(tmp_path / 'new'), '--json', str(tmp_path / 'report.json')])
    assert not (tmp_path / 'new').exists()
    assert 'px differ' not in json.loads((tmp_path / 'report.json').read_text())['classes']['ignored']


def test_one_bad_file_costs_only_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = np.array([[0, 1]], np.uint8)
    data = write(tmp_path / 'data', [good, good, good, np.array([[7, 0]], np.uint8)])
    (data / 'img/val/1.png').unlink()
    Image.new('RGB', (5, 5)).save(data / 'img/val/2.png')
    command: list[Any] = ['export-labels', data, '--labels', 'labels', '--format', 'cvat', '--out', tmp_path / 'out']
    assert main([*map(str, command)]) == 1
    text = capsys.readouterr().out
    for part in (
        'val/1: has no image',
        '2.png: is 5×5 pixels but its mask 2×1',
        '3.png: holds class id 7',
        '1 objects',
    ):
        assert part in text, part
    write(data, [good], 'train')
    with pytest.raises(InputError, match=r'holds files but no export\.json'):
        export_labels(data, 'labels', data, 'coco', overwrite=True)
    report = export_labels(data, 'labels', tmp_path / 'voc', 'voc')
    assert 'its stem is also in another split' in str(report.failed[0])
    lists = {path.name: path.read_text() for path in (tmp_path / 'voc/ImageSets/Segmentation').iterdir()}
    assert lists == {'train.txt': '0\n'}  # and not also val
    write_mask(data / 'labels/val/0.png', np.array([[0, 1]], np.uint8), CLASSES.palette[::-1])
    with pytest.raises(InputError, match='its palette holds the colours'):
        export_labels(data, 'labels', tmp_path / 'none', 'cvat', splits=['val'])
