"""The tool as a user runs it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.reports.sample_sheet import CAPTION_PX, MARGIN_PX

pytest.importorskip('mmseg')

MIXED = """
import copy
inner = copy.deepcopy(_base_.train_dataloader.dataset)
steps = inner.pop('pipeline')
train_dataloader['dataset'] = dict(
    _delete_=True, type='MultiImageMixDataset', dataset=dict(**inner, pipeline=steps[:2]),
    pipeline=[dict(type='mmseg_ext.CopyPaste', prob=1.0, min_area=10, whole=False), *steps[2:]],
)
"""
SOFT = """
model['data_preprocessor'] = dict(batch_augments=dict(type='mmseg_ext.MixUp'))
"""
STRIDE = 48 + CAPTION_PX + MARGIN_PX


def pictures(path: Path, number: int = 0, height: int = 48) -> list[np.ndarray]:
    """Photograph, image and overlay of a sample of a sheet of square pictures in two columns."""
    sheet = np.asarray(Image.open(path)).astype(int)
    width = 3 * (height + MARGIN_PX) + 2 * MARGIN_PX
    top, left = number // 2 * (height + CAPTION_PX + MARGIN_PX) + MARGIN_PX + CAPTION_PX, number % 2 * width + MARGIN_PX
    lefts = [left + place * (height + MARGIN_PX) for place in range(3)]
    return [sheet[top : top + height, x : x + height] for x in lefts]


def test_a_sheet_of_samples(
    run_tool: Callable, write_config: Callable, tiny_data: Path, tmp_path: Path, one_line: Callable
) -> None:
    config = write_config(tmp_path / 'tiny.py')
    arguments = ('browse', config, '--n', '3', '--height', '48', '--seed', '5')
    done = run_tool(*arguments, '--out', tmp_path / 'a.png', env={'DEMO_DATA': str(tiny_data)})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'{tmp_path / "a.png"}: 3 samples\n'
    assert done.stderr == ''
    sheet = Image.open(tmp_path / 'a.png')
    assert sheet.format == 'PNG'
    assert sheet.size == (2 * (3 * (48 + MARGIN_PX) + 2 * MARGIN_PX), 2 * STRIDE + MARGIN_PX)
    photo, image, overlaid = pictures(tmp_path / 'a.png')
    assert photo.std() > 5
    assert (photo != image).any()
    assert (image != overlaid).any()


def test_the_seed_decides_and_nothing_is_overwritten_unasked(
    fast_tool: Callable, write_config: Callable, tmp_path: Path, one_line: Callable
) -> None:
    config, out = write_config(tmp_path / 'tiny.py'), tmp_path / 'a.png'

    def run(seed: int, *more: str) -> bytes:
        done = fast_tool('browse', config, '--n', 2, '--height', 24, '--seed', seed, '--out', out, *more)
        assert done.returncode == 0, done.stderr
        return out.read_bytes()

    first = run(1)
    one_line(fast_tool('browse', config, '--out', out), str(out), '--overwrite')
    assert out.read_bytes() == first
    assert run(2, '--overwrite') != first
    assert run(1, '--overwrite') == first


def test_one_sample_many_times_and_without_augmentation(
    fast_tool: Callable, write_config: Callable, tmp_path: Path
) -> None:
    config = write_config(tmp_path / 'tiny.py')
    for name, more in (('many', []), ('bare', ['--only', '']), ('flip', ['--only', 'RandomFlip'])):
        out = tmp_path / f'{name}.png'
        done = fast_tool('browse', config, '--n', 6, '--height', 48, '--index', 2, '--out', out, *more)
        assert done.returncode == 0, done.stderr
        shown = [pictures(out, number) for number in range(6)]
        for photo, *_ in shown:
            np.testing.assert_array_equal(photo, shown[0][0])
        differ = [photo != image for photo, image, _ in shown]
        if name == 'bare':
            assert not np.any(differ)
        elif name == 'flip':
            assert {bool(one.any()) for one in differ} == {True, False}
            for photo, image, _ in shown:
                assert (photo == image).all() or np.abs(photo[:, ::-1] - image).max() <= 1
        else:
            assert all(one.any() for one in differ)
            assert len({image.tobytes() for _, image, _ in shown}) == 6


def test_several_photographs_in_one_and_mixed_batches(
    fast_tool: Callable, write_config: Callable, tmp_path: Path
) -> None:
    arguments = ('--n', 4, '--height', 48)
    for name, lines in (('mixed', MIXED), ('soft', SOFT)):
        config = write_config(tmp_path / f'{name}.py')
        text = config.read_text()
        if name == 'mixed':
            text = text.replace('train_dataloader = dict(', 'train_dataloader = dict(dataset=dict(), ')
        else:
            text = text.replace('model = dict(', 'model = dict(data_preprocessor=dict(), ')
        config.write_text(text + lines)
        for only in ([], ['--only', 'CopyPaste' if name == 'mixed' else 'MixUp'], ['--only', '']):
            out = tmp_path / f'{name}{len(only)}{"".join(only[1:])}.png'
            done = fast_tool('browse', config, *arguments, '--out', out, *only)
            assert done.returncode == 0, done.stderr
            shown = [pictures(out, number) for number in range(4)]
            changed = [(photo != image).any() for photo, image, _ in shown]
            assert any(changed) == (only != ['--only', ''])


@pytest.mark.parametrize('mix', ['None', "dict(type='mmseg_ext.CutMix', prob=1.0)"])
def test_it_shows_what_the_training_sees(
    write_config: Callable, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mix: str
) -> None:
    import torch

    from mmseg_ext.engine.runner.build import build_runner
    from mmseg_ext.runs.config import load_config
    from mmseg_ext.workflows.browse import browse

    monkeypatch.setenv('DEMO_DATA', str(tiny_data))
    path = write_config(tmp_path / 'tiny.py')
    text = path.read_text().replace('model = dict(', 'model = dict(data_preprocessor=dict(), ')
    path.write_text(text + f"model['data_preprocessor'] = dict(batch_augments={mix})\n")
    seed = 3
    config = load_config(path, {'train_cfg.max_iters': 2, 'randomness.seed': seed})
    config.work_dir, config.log_level = str(tmp_path / 'run'), 'WARNING'
    runner = build_runner(config)
    seen: list[np.ndarray] = []

    class Look(torch.nn.Module):
        def forward(self, data: Any, training: bool = False) -> Any:
            batch = preprocessor(data, training)
            if training:
                images = (batch['inputs'] * preprocessor.std + preprocessor.mean).round().byte()  # RGB
                seen.extend(images.permute(0, 2, 3, 1).numpy())
            return batch

    preprocessor = runner.model.data_preprocessor
    runner.model.data_preprocessor = Look()
    runner.train()
    assert len(seen) >= 4
    samples = browse(path, tmp_path / 'sheet.png', count=len(seen), seed=seed)
    for sample, image in zip(samples, seen, strict=True):
        np.testing.assert_allclose(sample.image.astype(int), image.astype(int), atol=1)  # rounded twice
    assert len({image.tobytes() for image in seen}) > 2


def test_wrong_arguments_take_one_line(
    fast_tool: Callable, write_config: Callable, tmp_path: Path, one_line: Callable
) -> None:
    config, out = write_config(tmp_path / 'tiny.py'), tmp_path / 'a.png'
    for arguments, words in (
        (('--n', '0'), ('--n', '0')),
        (('--out', 'a.jpg'), ('a.jpg', '.png')),
        (('--split', 'nothing'), ('--split',)),
        (('--index', '8'), ('--index 8', '0 to 7')),
        (('--index', '-1'), ('--index -1', '0 to 7')),
        (('--only', 'RandomElastic'), ('RandomElastic', 'RandomFlip')),
        (('--cfg-options', 'train_dataloader.nothing_like.this=1'), ('nothing_like',)),
        (('--cfg-options', 'train_dataloader.dataset.split=else'), ('else',)),
    ):
        one_line(fast_tool('browse', config, '--out', out, *arguments), *words)
    one_line(fast_tool('browse', tmp_path / 'missing.py'), 'missing.py')
    assert not out.exists()


def test_a_broken_photograph_is_named(
    fast_tool: Callable, write_config: Callable, tiny_data: Path, tmp_path: Path, one_line: Callable
) -> None:
    data = tmp_path / 'data'
    shutil.copytree(tiny_data, data)
    photo = sorted((data / 'img' / 'train').iterdir())[0]
    photo.write_bytes(photo.read_bytes()[:50])
    one_line(
        fast_tool('browse', write_config(tmp_path / 'tiny.py'), '--out', tmp_path / 'a.png', data=data), photo.name
    )
    assert not (tmp_path / 'a.png').exists()


def test_the_other_splits_are_shown_as_the_network_is_tested(
    fast_tool: Callable, write_config: Callable, tmp_path: Path
) -> None:
    out = tmp_path / 'a.png'
    config = write_config(tmp_path / 'tiny.py')
    done = fast_tool('browse', config, '--split', 'val', '--height', 48, '--out', out)
    assert done.returncode == 0, done.stderr
    assert '4 samples' in done.stdout  # all there are
    for number in range(4):
        photo, image, _ = pictures(out, number)
        assert np.abs(photo - image).mean() < 3
