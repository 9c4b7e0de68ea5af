from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.commands.main import main
from mmseg_ext.converters.cvat import convert_cvat, read_cvat
from mmseg_ext.converters.split import SplitOptions
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

LABELS = (
    '<meta><task><labels><label><name>scratch</name><color>#307020</color></label>'
    '<label><name>dent</name><color>#b07020</color></label></labels></task></meta>'
)
SQUARE = 'points="2.0,1.0;6.0,1.0;6.0,5.0;2.0,5.0"'
SHAPES = {
    'a.png': f'<polygon label="dent" z_order="1" {SQUARE}/><box label="scratch" xtl="0" ytl="0" xbr="4" ybr="4"/>',
    # Within its box of 3×2 pixels, row by row: one pixel outside, three inside, two outside.
    'b.png': '<mask label="scratch" rle="1, 3, 2" left="4" top="2" width="3" height="2" z_order="0"/>',
    'c.png': '<polyline label="dent" points="1,1;5,5"/><ellipse label="dent" cx="6" cy="4" rx="2" ry="1"/>',
    'd.png': '',
}


def write(folder: Path, shapes: dict[str, str], labels: str = LABELS, head: str = '', more: str = '') -> Path:
    entries = ''.join(
        f'<image id="{position}" name="{name}" width="12" height="8" {more}>{content}</image>'
        for position, (name, content) in enumerate(shapes.items())
    )
    for seed, name in enumerate(shapes):
        path = folder / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 12, 3), dtype=np.uint8)).save(path)
    path = folder / 'annotations.xml'
    path.write_text(f'<?xml version="1.0"?>{head}<annotations><version>1.1</version>{labels}{entries}</annotations>')
    return path


def masks(root: Path) -> dict[str, Any]:
    return {path.stem: read_mask(path) for path in root.glob('labels/*/*.png')}


def test_shapes_are_painted_by_their_layer(tmp_path: Path) -> None:
    done = convert_cvat(write(tmp_path, SHAPES), tmp_path / 'data', split=SplitOptions(0.25, 0.25))
    assert Classes.read(tmp_path / 'data').names == ('background', 'scratch', 'dent')
    assert Classes.read(tmp_path / 'data').palette[1:] == ((0x30, 0x70, 0x20), (0xB0, 0x70, 0x20))
    found = masks(tmp_path / 'data')
    square = np.zeros((8, 12), np.uint8)
    square[:4, :4] = 1
    square[1:5, 2:6] = 2  # listed first, but in a higher layer
    np.testing.assert_array_equal(found['a'], square)
    runs = np.zeros((8, 12), np.uint8)
    runs[2, 5:7] = runs[3, 4] = 1
    np.testing.assert_array_equal(found['b'], runs)
    assert (found['c'] == 2).sum() == 8  # of an ellipse with an area of 6.3: centres within it
    assert not found['d'].any()
    assert done.images == {'train': 2, 'val': 1, 'test': 1}
    assert done.report.counts['scratch']['taken'] == 2
    assert any('polyline' in note for note in done.report.notes)
    assert done.report.is_clean


def test_what_is_damaged_costs_only_itself_and_is_told_again_by_the_next_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = {
        **SHAPES,
        'e.png': '<polygon label="dent" points="1,1;2"/><mask label="dent" rle="1,1" left="0" top="0" width="3" '
        f'height="1"/><box label="dent" xtl="x" ytl="0" xbr="4" ybr="4"/><polygon label="scratch" {SQUARE}/>',
        'f.png': f'<polygon label="scratch" {SQUARE}/>',
        'g.png': '',
        '../h.png': '',
    }
    source = write(tmp_path / 'source', shapes)
    (tmp_path / 'source/images/f.png').write_bytes(b'no image')
    (tmp_path / 'source/images/g.png').unlink()
    Image.new('RGB', (9, 9)).save(tmp_path / 'source/images/d.png')
    texts = []
    command = ['convert', 'cvat', str(source), str(tmp_path / 'data'), '--json', str(tmp_path / 'report.json')]
    for arguments in (command, command[:-2]):
        assert main(arguments) == 1
        texts.append(capsys.readouterr().out)
    with pytest.raises(InputError, match=r'report\.json: exists; replace it .* or choose another `json`'):
        main(command)
    lines = [text.splitlines() for text in texts]
    assert lines[0][:-1] == lines[1][:-1]
    assert '4 images (' in lines[0][-1]
    assert '0 written, 4 already there' in lines[1][-1]
    for part in (
        'e.png, shape 1 (dent)', 'e.png, shape 2 (dent): its run lengths do not add up', 'e.png, shape 3 (dent)',
        'f.png: image cannot be', 'g.png: not found', "'../h.png', which is not a path below", 'd.png: is 9×9 pixels',
    ):  # fmt: skip
        assert part in texts[0], part
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['classes']['dent']['skipped'] == 3
    assert len(report['failed']) == 4
    assert (masks(tmp_path / 'data')['e'] == 1).sum() == 16


def test_chosen_and_ignored_labels(tmp_path: Path) -> None:
    source = write(tmp_path, {**SHAPES, 'e.png': f'<polygon label="odd" {SQUARE}/>'})  # a label that meta lacks
    convert_cvat(source, tmp_path / 'data', classes=['dent'], ignored=['odd'])
    assert Classes.read(tmp_path / 'data').names == ('background', 'dent')
    found = masks(tmp_path / 'data')
    assert {stem: np.unique(mask).tolist() for stem, mask in found.items()} == {
        'a': [0, 1], 'b': [0], 'c': [0, 1], 'd': [0], 'e': [0, 255],
    }  # fmt: skip
    with pytest.raises(InputError, match=r'`classes=cat`: is not a class of the source; it has scratch, dent'):
        convert_cvat(source, tmp_path / 'other', classes=['cat'])


def test_subsets_are_splits_and_folders_stay_in_the_names(tmp_path: Path) -> None:
    source = write(tmp_path, {'day 1/a.png': '', 'day 2/a.png': ''}, more='subset="Validation"')
    (tmp_path / 'images/day 2').rename(tmp_path / 'images/moved')
    (tmp_path / 'images/Validation').mkdir()
    (tmp_path / 'images/moved').rename(tmp_path / 'images/Validation/day 2')  # as in the export of a project
    assert convert_cvat(source, tmp_path / 'data').images == {'val': 2}
    assert masks(tmp_path / 'data').keys() == {'day 1_a', 'day 2_a'}


@pytest.mark.parametrize('place', ['images', 'images/Train'])
@pytest.mark.parametrize('suffix', ['.PNG', '.jpg'])
def test_frames_of_a_video_are_listed_without_suffix(place: str, suffix: str, tmp_path: Path) -> None:
    names = ['v1.2 frame_000000', 'v1.3 frame_000000']
    square = f'<polygon label="dent" {SQUARE}/>'
    source = write(tmp_path, {f'{name}{suffix}': square for name in names}, more='subset="Train"')
    (tmp_path / place).mkdir(exist_ok=True)
    for name in names:
        (tmp_path / f'images/{name}{suffix}').rename(tmp_path / place / f'{name}{suffix}')
    source.write_text(source.read_text().replace(suffix, ''))
    done = convert_cvat(source, tmp_path / 'data')
    assert done.report.is_clean
    assert {stem: mask.sum() for stem, mask in masks(tmp_path / 'data').items()} == dict.fromkeys(names, 32)
    assert all((tmp_path / f'data/img/train/{name}{suffix.lower()}').is_file() for name in names)


def test_a_name_may_hold_a_colon(tmp_path: Path) -> None:
    names = {'2024-05-01T12:30:00.png': '', '1:30/a.png': '', 'C:/b.png': ''}
    done = convert_cvat(write(tmp_path, names), tmp_path / 'data', split=SplitOptions(0, 0))
    assert masks(tmp_path / 'data').keys() == {'2024-05-01T12:30:00', '1:30_a'}
    (error,) = done.report.failed
    assert "the image 'C:/b.png', which is not a path below" in str(error)


def test_lists_and_groups_make_the_split(tmp_path: Path) -> None:
    source = write(tmp_path, {f'p{case}_{view}.png': '' for case in range(4) for view in range(3)})
    (tmp_path / 'val.txt').write_text('p0_1.png\nimages/p1_1.png masks/p1_1.png\n')
    (tmp_path / 'train.txt').write_text('p2_0\n')
    lists = SplitOptions(lists={'val': tmp_path / 'val.txt', 'train': tmp_path / 'train.txt'})
    done = convert_cvat(source, tmp_path / 'lists', split=lists)
    assert done.images == {'train': 1, 'val': 2}
    assert '9 images are in none of the lists' in done.report.notes[0]
    (tmp_path / 'train.txt').write_text('p0_1\n')
    with pytest.raises(InputError, match='is also in'):
        convert_cvat(source, tmp_path / 'other', split=lists)
    convert_cvat(source, tmp_path / 'groups', split=SplitOptions(0.25, 0.25, group=r'(p\d)_.*'))
    split_of = {path.stem: path.parent.name for path in (tmp_path / 'groups').glob('labels/*/*.png')}
    assert all(len({split_of[f'p{case}_{view}'] for view in range(3)}) == 1 for case in range(4))
    assert set(split_of.values()) == {'train', 'val', 'test'}


@pytest.mark.parametrize(
    ('text', 'problem'),
    [
        ('<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotations>&c;</annotations>', 'document type'),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>', 'document type'),
        ('<annotations><track id="0"/></annotations>', 'CVAT for video'),
        ('<annotation><object/></annotation>', 'its root is <annotation>'),
        ('<annotations/>', 'lists no images'),
        ('<annotations><image', 'is not XML'),
        ('\x00', 'is not XML'),
    ],
)
def test_other_files_are_refused_in_one_line(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / 'annotations.xml'
    path.write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        read_cvat(path)
    assert '\n' not in str(caught.value)


def test_a_subset_cannot_lead_out_of_the_data_set(tmp_path: Path) -> None:
    source = write(tmp_path / 'source', {'a.png': '', 'b.png': ''}, more='subset="Train"')
    text = source.read_text()
    source.write_text(text.replace('Train', '../../../out', 1))
    done = convert_cvat(source, tmp_path / 'data')
    assert done.images == {'train': 1}
    (error,) = done.report.failed
    assert str(error) == '../../../out/a: is not a valid folder and file name; rename it in the source'
    assert not (tmp_path / 'out').exists()
    assert not (tmp_path.parent / 'out').exists()
    source.write_text(text.replace('Train', '', 1))
    with pytest.raises(InputError, match=r'a\.png: has no split .like 1 of 2 images'):
        convert_cvat(source, tmp_path / 'other')
