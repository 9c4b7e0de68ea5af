"""The tool as a user runs it; the data set that it writes is loaded as a training would."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


@pytest.fixture
def photographs(tiny_data: Path, tmp_path: Path) -> Path:
    """Three photographs in a folder for each class."""
    for name, stems in (('cat', range(2)), ('dog', range(2, 3))):
        (tmp_path / 'photographs' / name).mkdir(parents=True)
        for path in (sorted((tiny_data / 'img' / 'train').iterdir())[i] for i in stems):
            shutil.copy(path, tmp_path / 'photographs' / name)
    return tmp_path / 'photographs'


def label(tool: Tool, run_dir: Path, images: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return tool('pseudo_label', run_dir.parent / 'tiny.py', run_dir, images, '--out', out, '--sides', 64, *options)


def test_it_writes_a_data_set_of_the_known_classes(
    run_tool: Tool, run_dir: Path, photographs: Path, tiny_data: Path, tmp_path: Path
) -> None:
    from mmseg_ext.datasets import FolderDataset

    out = tmp_path / 'pseudo'
    arguments = [run_dir.parent / 'tiny.py', run_dir, photographs, '--out', out, '--sides', 64, '--low', 0, '--high', 0]
    done = run_tool('pseudo_label', *arguments, env={'DEMO_DATA': str(tiny_data)})
    assert (done.returncode, done.stderr) == (0, '')
    assert '3 of 3 images kept' in done.stdout
    report = json.loads((out / 'pseudo_labels.json').read_text())
    assert (report['images'], report['kept'], report['left_out']) == (3, 3, [])
    assert 0 <= report['class_agrees_with_model'] <= 3
    assert report['settings'] == {'sides': [64], 'low': 0.0, 'high': 0.0, 'least_object': 0.03, 'most_ignored': 0.25}
    data = FolderDataset(str(out), split='train')
    assert len(data) == 3
    for name, value in (('cat', 1), ('dog', 2)):
        for path in (photographs / name).iterdir():  # a threshold of 0 makes every pixel an object
            assert (read_mask(out / 'labels' / 'train' / f'{path.stem}.png') == value).all()
            np.testing.assert_array_equal(read_image(out / 'img' / 'train' / path.name), read_image(path))


def test_where_every_photograph_is_uncertain_nothing_is_written(
    fast_tool: Tool, run_dir: Path, photographs: Path, tmp_path: Path
) -> None:
    done = label(fast_tool, run_dir, photographs, tmp_path / 'pseudo', '--low', '0', '--high', '1')
    assert done.returncode == 1
    assert 'photographs: in none of the 3 images is the model certain enough' in done.stderr
    assert not (tmp_path / 'pseudo').exists()


def test_an_ensemble_labels_too(fast_tool: Tool, colour_model: Path, photographs: Path, tmp_path: Path) -> None:
    (tmp_path / 'e.yaml').write_text(f'members: [{{model: {colour_model}}}]')
    arguments = (tmp_path / 'e.yaml', photographs, '--out', tmp_path / 'pseudo', '--low', 0, '--high', 0)
    done = fast_tool('pseudo_label', *arguments)
    assert done.returncode == 0, done.stderr
    assert '3 of 3 images kept' in done.stdout


def test_a_damaged_photograph_costs_only_itself(
    fast_tool: Tool, colour_model: Path, photographs: Path, tmp_path: Path
) -> None:
    (photographs / '.ipynb_checkpoints').mkdir()
    broken = next((photographs / 'dog').iterdir())
    broken.write_bytes(broken.read_bytes()[:200])
    done = fast_tool('pseudo_label', colour_model, photographs, '--out', tmp_path / 'pseudo', '--low', 0, '--high', 0)
    assert done.returncode == 1
    assert broken.name in done.stderr
    assert '1 file was left out' in done.stderr
    report = json.loads((tmp_path / 'pseudo' / 'pseudo_labels.json').read_text())
    assert (report['images'], report['kept'], report['left_out'], len(report['failed'])) == (3, 2, [], 1)


def test_wrong_input_is_one_line_and_leaves_nothing(
    fast_tool: Tool, one_line: OneLine, run_dir: Path, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'pseudo'
    one_line(label(fast_tool, run_dir, tmp_path / 'nowhere', out), 'nowhere', 'one folder of images')
    (photographs / 'horse').mkdir()
    one_line(label(fast_tool, run_dir, photographs, out), 'horse', 'cat, dog')
    (photographs / 'horse').rmdir()
    one_line(label(fast_tool, run_dir, photographs, out, '--low', '0.8'), '--low 0.8')
    shutil.copy(next((photographs / 'cat').iterdir()), photographs / 'dog')
    one_line(label(fast_tool, run_dir, photographs, out), 'has the same stem')
    assert [path.name for path in tmp_path.iterdir()] == ['photographs']
    out.mkdir()
    one_line(label(fast_tool, run_dir, photographs, out), 'already exists')
