"""The converters as a user runs them. Their results are tested in tests/converters."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.commands.main import main
from mmseg_ext.data.masks import read_mask

Run = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


def draw(path: Path, value: int | tuple[int, ...] = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 'RGB' if path.suffix == '.jpg' or isinstance(value, tuple) else 'L'
    Image.new(mode, (12, 8), value).save(path)


def make_ph2(folder: Path) -> list[Path]:
    folder.mkdir()
    (folder / 'PH2_dataset.txt').write_text('|| Name ||\n|| IMD003 ||\n|| IMD009 ||\n|| IMD016 ||\n')
    for case in ('IMD003', 'IMD009', 'IMD016'):
        place = folder / 'PH2 Dataset images' / case
        draw(place / f'{case}_Dermoscopic_Image' / f'{case}.bmp', (200, 150, 120))
        draw(place / f'{case}_lesion' / f'{case}_lesion.bmp', 255)
    return [folder]


def make_mads(folder: Path) -> list[Path]:
    for stem in ('HipHop_HipHop1_C0_00180', 'Jazz_Jazz1_C0_00180', 'Taichi_Taichi1_C0_00180'):
        draw(folder / 'images' / f'{stem}.png', (200, 150, 120))
        draw(folder / 'masks' / f'{stem}.png', (255, 255, 255))
    return [folder]


def make_voc(folder: Path) -> list[Path]:
    for split, stem in (('train', '2007_000032'), ('val', '2007_000039')):
        draw(folder / 'JPEGImages' / f'{stem}.jpg')
        draw(folder / 'SegmentationClass' / f'{stem}.png', 8)
        path = folder / 'ImageSets' / 'Segmentation' / f'{split}.txt'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{stem}\n')
    return [folder]


def make_oxford_pet(folder: Path) -> list[Path]:
    rows = [f'Sphynx_{number} 34 1 {number}\n' for number in range(1, 4)]
    for number in range(1, 4):
        draw(folder / 'images' / f'Sphynx_{number}.jpg')
        draw(folder / 'annotations' / 'trimaps' / f'Sphynx_{number}.png', 1)
    for name, lines in (('list', rows), ('trainval', rows[:2]), ('test', rows[2:])):
        (folder / 'annotations' / f'{name}.txt').write_text(''.join(lines))
    return [folder]


def make_coco(folder: Path) -> list[Path]:
    square = [2, 2, 8, 2, 8, 8, 2, 8]
    images, annotations = [], []
    for key in range(1, 7):
        draw(folder / 'images' / f'{key}.jpg')
        images.append({'id': key, 'file_name': f'{key}.jpg', 'height': 8, 'width': 12})
        annotations.append(
            {'id': key, 'image_id': key, 'category_id': 17, 'area': 36, 'iscrowd': 0, 'segmentation': [square]}
        )
    content = {'images': images, 'annotations': annotations, 'categories': [{'id': 17, 'name': 'cat'}]}
    (folder / 'instances.json').write_text(json.dumps(content))
    return [folder / 'instances.json', folder / 'images']


TOOLS: dict[str, tuple[Callable[[Path], list[Path]], list[str], int]] = {
    'ph2': (make_ph2, ['--val', '1', '--test', '1', '--width', '6'], 3),
    'mads': (make_mads, ['--seed', '3'], 3),
    'voc': (make_voc, ['--classes', 'dog,cat', '--keep-empty'], 2),
    'oxford_pet': (make_oxford_pet, ['--val', '0.5'], 3),
    'coco': (make_coco, ['--classes', 'cat', '--min-area', '30', '--size', '16', '--val', '0.4'], 6),
}
every_tool = pytest.mark.parametrize('name', TOOLS)


@every_tool
def test_a_source_becomes_a_data_set(name: str, run_tool: Run, one_line: OneLine, tmp_path: Path) -> None:
    make, options, count = TOOLS[name]
    source, data = make(tmp_path / 'source'), tmp_path / 'data'
    tool = f'dataset_converters/{name}'
    result = run_tool(tool, *source, data, *options)
    assert (result.returncode, result.stderr) == (0, ''), result.stderr
    assert f'{count} images (' in result.stdout
    assert f'{count} written, 0 already there' in result.stdout
    masks = sorted(data.glob('labels/*/*.png'))
    assert len(masks) == count
    assert all(np.unique(read_mask(mask)).max() in (1, 2) for mask in masks)
    missing = next(path for path in sorted(source[-1].rglob('*')) if path.is_file() and path.suffix != '.txt')
    missing.unlink()
    again = run_tool(tool, *source, data, *options)
    if name == 'coco':  # the image costs only itself
        assert again.returncode == 1
        assert f'skipped: {missing}: ' in again.stdout
    else:
        one_line(again, str(missing), 'not found', 'unpack')


@every_tool
def test_wrong_use(name: str, run_tool: Run, one_line: OneLine, tmp_path: Path) -> None:
    make, options, _ = TOOLS[name]
    source = make(tmp_path / 'source')
    wrong = {'ph2': '--width', 'mads': '--val', 'voc': '--classes', 'oxford_pet': '--val', 'coco': '--size'}[name]
    tool = f'dataset_converters/{name}'
    one_line(run_tool(tool, *source, tmp_path / 'data', *options, wrong, '-1'), wrong)
    assert not (tmp_path / 'data').exists()


def test_whole_coco_images(
    capsys: pytest.CaptureFixture[str], one_line: OneLine, run_tool: Run, tmp_path: Path
) -> None:
    annotations, images = make_coco(tmp_path / 'source')
    content = json.loads(annotations.read_text())
    content['annotations'][0]['iscrowd'] = 1
    content['annotations'][1]['segmentation'] = []
    annotations.write_text(json.dumps(content))
    command = ['convert', 'coco', str(annotations), str(images), str(tmp_path / 'data')]
    main([*command, '--whole'])
    head, row, *rest = capsys.readouterr().out.splitlines()
    assert head.split() == ['class', 'taken', 'crowd', 'ignored', 'skipped']
    assert row.split() == ['cat', '4', '1', '1']
    assert rest[0] == '1 images show only skipped objects, as background: kept'
    assert rest[1] == '1 crowds became ignored pixels; with --crowds objects they are objects'
    assert rest[2] == 'val got no images, though its share is 0.2: try a --seed other than 0'
    assert rest[3] == 'skipped: annotation 2 of 2.jpg (cat): has no segmentation'
    assert ': 6 images (' in rest[4]
    tool = 'dataset_converters/coco'
    one_line(run_tool(tool, *command[2:4], tmp_path / 'b', '--whole', '--size', '9'), '--size', 'not for --whole')
    one_line(run_tool(tool, *command[2:4], tmp_path / 'b', '--skip-empty'), '--skip-empty')


def test_formats_are_sub_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(['convert', 'mads', str(make_mads(tmp_path / 'source')[0]), str(tmp_path / 'data')])
    assert capsys.readouterr().out.startswith(f'{tmp_path / "data"}: 3 images (')
    with pytest.raises(SystemExit) as caught:
        main(['convert', 'cityscapes', 'source', 'data'])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert 'cityscapes' in error
    assert 'oxford-pet' in error
