from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.data.masks import read_mask, write_mask

PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))
Completed = subprocess.CompletedProcess[str]


class RunTool(Protocol):
    def __call__(self, name: str, *args: str | Path) -> Completed: ...


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / 'data'
    (root / 'img' / 'train').mkdir(parents=True)
    (root / 'labels' / 'train').mkdir(parents=True)
    (root / 'dataset.yaml').write_text(f'classes: [background, cat, dog]\npalette: {[list(c) for c in PALETTE]}\n')
    rows, columns = np.ogrid[:30, :40]
    for stem, value in (('a', 1), ('b', 2)):
        Image.new('RGB', (40, 30), (60, 90, 60)).save(root / 'img' / 'train' / f'{stem}.jpg')
        mask = np.where((rows - 15) ** 2 + (columns - 20) ** 2 < 120, value, 0).astype(np.uint8)
        mask[13:17, 18:22] = 0
        write_mask(root / 'labels' / 'train' / f'{stem}.png', mask, PALETTE)
    return root


def test_the_way_there_and_back_and_the_difference(run_tool: RunTool, data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'json'
    result = run_tool('labelme', 'export', data, '--labels', 'labels', '--out', out)
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout == f'{out}: 2 files; 0 of 2,400 px differ from the masks\n'

    document = json.loads((out / 'train' / 'a.json').read_text())
    document['shapes'].append({'label': 'dog', 'points': [[18, 10], [25, 11]], 'shape_type': 'rectangle'})
    document['shapes'].append({'label': 'text', 'points': [[0, 0]], 'shape_type': 'point'})
    (out / 'train' / 'a.json').write_text(json.dumps(document))
    target = data / 'mine'
    result = run_tool('labelme', 'import', out, '--data', data, '--out', target, '--ignore-labels', 'text')
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout == (
        'train/a: dog covers cat on 16 px\n'
        'class       taken  left out\n'
        'background      0         0\n'
        'cat             1         0\n'
        'dog             2         0\n'
        'text            0         1\n'
        f'{target}: 2 masks from 3 shapes, 1 left out; shapes of different classes overlap in 1 files\n'
    )
    assert (read_mask(target / 'train' / 'b.png') == read_mask(data / 'labels' / 'train' / 'b.png')).all()

    result = run_tool('labelme', 'diff', data, '--a', 'labels', '--b', 'mine', '--out', tmp_path / 'diff')
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.splitlines()[:2] == [
        'train/a: 16 px (1.33%): cat → dog 16',
        'labels → mine: 1 same, 1 changed, 0 resized, 0 added, 0 removed; 16 of 2,400 px changed',
    ]
    assert sorted(path.name for path in (tmp_path / 'diff').iterdir()) == ['diff.csv', 'diff.html', 'diff.json']
    assert json.loads((tmp_path / 'diff' / 'diff.json').read_text())['summary']['flips'] == {'cat → dog': 16}


def test_polygons_say_what_they_cost_and_a_queue_chooses(run_tool: RunTool, data: Path, tmp_path: Path) -> None:
    (tmp_path / 'queue.txt').write_text('b\n')
    result = run_tool(
        'labelme', 'export', data, '--labels', 'labels', '--out', tmp_path / 'json',
        '--shapes', 'polygon', '--tolerance', '2', '--stems', tmp_path / 'queue.txt', '--splits', 'train',
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    per_file, total = result.stdout.splitlines()
    name, count = per_file.split(': ')
    assert name == 'train/b'
    assert 0 < int(count.split()[0]) < 120
    assert total == f'{tmp_path / "json"}: 1 files; {count.split()[0]} of 1,200 px differ from the masks'
    assert not (tmp_path / 'json' / 'train' / 'a.json').exists()


def test_merging_says_so(run_tool: RunTool, data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'json'
    command = ('labelme', 'export', data, '--labels', 'labels', '--out', out)
    assert run_tool(*command).returncode == 0
    result = run_tool(*command, '--merge-from', out, '--overwrite')
    assert result.stdout == f'{out}: 2 files, 2 of them merged; 0 of 2,400 px differ from the masks\n'


def test_an_import_may_name_a_label_set(
    run_tool: RunTool, data: Path, tmp_path: Path, one_line: Callable[..., None]
) -> None:
    assert run_tool('labelme', 'export', data, '--labels', 'labels', '--out', tmp_path / 'json').returncode == 0
    command = ('labelme', 'import', tmp_path / 'json', '--data', data, '--to', 'mine')
    result = run_tool(*command)
    assert f'{data / "mine"}: 2 masks' in result.stdout
    for name in ('train/a.png', 'train/b.png'):
        assert (read_mask(data / 'mine' / name) == read_mask(data / 'labels' / name)).all()
    one_line(run_tool(*command), 'a.png: exists; replace it with --overwrite or choose another --to')
    assert run_tool(*command, '--overwrite').returncode == 0
    report = tmp_path / 'report.json'
    report.touch()
    one_line(run_tool(*command, '--json', report), f'{report}: exists', 'or choose another --json')


def test_wrong_use_is_one_line(run_tool: RunTool, data: Path, tmp_path: Path, one_line: Callable[..., None]) -> None:
    out = tmp_path / 'json'
    export: tuple[Any, ...] = ('labelme', 'export', data, '--labels', 'labels', '--out', out)
    one_line(run_tool('labelme'), 'COMMAND')
    one_line(run_tool(*export, '--shapes', 'circles'), '--shapes', 'circles')
    one_line(run_tool(*export, '--tolerance', '-1'), '-1: must be a number from 0 to 100')
    one_line(run_tool(*export, '--tolerance', 'two'), 'two: must be a number from 0 to 100')
    one_line(run_tool(*export, '--tolerance', '1'), '--tolerance: is only for polygons', '--shapes polygon')
    one_line(
        run_tool('labelme', 'diff', data, '--a', 'labels', '--b', 'gone'), 'label set not found; choose --b from labels'
    )
    one_line(
        run_tool('labelme', 'export', data, '--labels', 'lables', '--out', out),
        'lables',
        'label set not found; choose --labels from labels',
    )
    assert run_tool(*export).returncode == 0
    one_line(run_tool(*export), 'a.json', '--overwrite')
    (out / 'train' / 'b.json').write_text('{"shapes": [{"label": "wolf"}]}')
    result = run_tool('labelme', 'import', out, '--data', data, '--out', tmp_path / 'masks')
    assert result.returncode == 1
    assert re.search(r'skipped: .*b\.json: .*wolf.*cat, dog', result.stdout)
    one_line(
        run_tool('labelme', 'import', out, '--data', data, '--to', 'img'), '--to', 'must be the name of a label set'
    )
    one_line(run_tool('labelme', 'import', out, '--data', data), '--to', '--out')
    (tmp_path / 'diff.json').write_text('mine')
    one_line(
        run_tool('labelme', 'diff', data, '--a', 'labels', '--b', 'labels', '--out', tmp_path), 'diff.json: exists'
    )
    assert (tmp_path / 'diff.json').read_text() == 'mine'


def test_an_import_lists_every_problem_and_can_leave_shapes_out(run_tool: RunTool, data: Path, tmp_path: Path) -> None:
    assert run_tool('labelme', 'export', data, '--out', tmp_path / 'json').returncode == 0
    for stem in ('a', 'b'):
        path = tmp_path / 'json' / 'train' / f'{stem}.json'
        document = json.loads(path.read_text())
        document['shapes'].insert(0, {'label': 'dog', 'points': [[19, 12], [21, 18]], 'shape_type': 'rectangle'})
        document['shapes'] += [{'label': 'cat', 'points': [[1, 1], [2, 2]]}] * 2
        path.write_text(json.dumps(document))
    command = ('labelme', 'import', tmp_path / 'json', '--data', data, '--to', 'mine')
    result = run_tool(*command)
    assert result.returncode == 2
    *listed, last = result.stderr.splitlines()
    assert len(listed) == 4
    assert 'a.json: shape 3 (cat): a polygon needs 3 points' in listed[0]
    assert last == f'error: {tmp_path / "json"}: 4 problems, listed above; correct them; nothing was written'
    result = run_tool(*command, '--skip-degenerate', '--order', 'area', '--json', tmp_path / 'report.json')
    assert (result.returncode, result.stderr) == (0, '')
    assert 'skipped: train/b: shape 4 (cat): a polygon needs 3 points or more, found 2' in result.stdout
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['classes']['cat'] == {'skipped': 4, 'taken': 1}
    assert (read_mask(data / 'mine' / 'train' / 'a.png')[12:19, 19:22] == 2).all()
