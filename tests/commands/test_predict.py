"""The tool as a user runs it: with an ONNX model, and with a config and its checkpoint."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_ext.evaluation.probability_maps import load_probabilities

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


def save_colours(path: Path, seed: int) -> np.ndarray:
    mask = np.random.default_rng(seed).integers(0, 3, (32, 32), dtype=np.uint8)
    Image.fromarray((np.array([1, 2, 0]) == mask[..., None]).astype(np.uint8) * 200).save(path)
    return mask


def test_of_eight_photographs_one_is_cut_short(run_tool: Tool, colour_model: Path, tmp_path: Path) -> None:
    photos = tmp_path / 'photos'
    photos.mkdir()
    masks = {str(n): save_colours(photos / f'{n}.png', n) for n in range(8)}
    broken = photos / '5.png'
    broken.write_bytes(broken.read_bytes()[:200])
    result = run_tool('predict', colour_model, photos, '--out', tmp_path / 'out', '--batch', 3)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f'error: {broken}: image is cut short')
    assert result.stdout.startswith('7 of 8 images predicted in ')
    assert 'per second (reading and writing included); 1 could not be read' in result.stdout
    written = sorted((tmp_path / 'out' / 'masks').iterdir())
    assert [path.stem for path in written] == sorted(masks.keys() - {'5'})
    for path in written:
        np.testing.assert_array_equal(np.asarray(Image.open(path)), masks[path.stem])


def test_a_pre_annotation_comes_back_by_the_labelme_tool(run_tool: Tool, colour_model: Path, tmp_path: Path) -> None:
    mask, out = save_colours(tmp_path / 'a.png', 0), tmp_path / 'out'
    result = run_tool(
        'predict', colour_model, tmp_path / '*.png', '--out', out, '--labelme', '--overlay', '--opacity', 0.3,
        '--probabilities',
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, '')
    assert result.stdout.splitlines()[-1] == f'masks, overlays, labelme, probabilities: {out}'
    np.testing.assert_array_equal(np.load(out / 'probabilities' / 'a.npz')['probabilities'].argmax(0), mask)
    done = run_tool('labelme', 'import', out, '--splits', 'labelme', '--data', out, '--out', tmp_path / 'back')
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'back' / 'labelme' / 'a.png')), mask)
    assert Image.open(out / 'overlays' / 'a.jpg').size == (32, 32)


def test_wrong_use_is_one_line(run_tool: Tool, colour_model: Path, tmp_path: Path, one_line: OneLine) -> None:
    photo, out = tmp_path / 'a.png', ('--out', tmp_path / 'out')
    save_colours(photo, 0)
    (tmp_path / 'b').mkdir()
    save_colours(tmp_path / 'b' / 'a.png', 0)
    one_line(run_tool('predict', colour_model, photo), '--out', '--help')
    one_line(run_tool('predict', colour_model, *out), 'give the images')
    one_line(
        run_tool('predict', colour_model, photo, tmp_path / 'b', *out),
        'a.png: has the same stem, and so the same mask name',
    )
    one_line(run_tool('predict', photo.with_name('no.onnx'), photo, *out), 'no.onnx: no such model file')
    one_line(
        run_tool('predict', colour_model, photo, *out, '--background-colour', '1,2'),
        '--background-colour',
        'three numbers',
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.png', 'b']


def test_a_config_and_its_checkpoint_predict_what_the_test_tool_predicts(
    fast_tool: Tool, run_dir: Path, tiny_data: Path, tmp_path: Path, one_line: OneLine
) -> None:
    config, images = run_dir.parent / 'tiny.py', tiny_data / 'img' / 'test'
    for tta in ([], ['--tta']):
        out = tmp_path / f'predicted{len(tta)}'
        result = fast_tool('predict', config, run_dir, images, '--out', out, '--probabilities', *tta)
        assert (result.returncode, result.stderr) == (0, '')
        tested = tmp_path / f'tested{len(tta)}'
        done = fast_tool(
            'test', config, run_dir, '--out', tested, '--probabilities', *tta, '--cfg-options', 'test_cfg.dtype=None'
        )
        assert done.returncode == 0, done.stderr
        equal = [
            np.asarray(Image.open(path)) == np.asarray(Image.open(tested / 'masks' / path.name))
            for path in (out / 'masks').iterdir()
        ]
        assert len(equal) == 4
        for path in (out / 'probabilities').iterdir():
            both = [load_probabilities([folder / 'probabilities' / path.name]) for folder in (out, tested)]
            assert np.abs(both[0] - both[1]).mean() < 0.01
        assert np.mean(equal) > 0.99  # bfloat16 there, float32 here; JPEGs are decoded by different libraries
    result = fast_tool('predict', config, tmp_path, images, '--out', tmp_path / 'out')
    one_line(result, 'should hold one best_*.pth')
    result = fast_tool('predict', config, run_dir, images, '--out', tmp_path / 'out', '--device', 'cuda')
    one_line(result, '--device cuda', '--device cpu')
    result = fast_tool('predict', config, run_dir, images, '--out', tmp_path / 'out', '--device', 'foo')
    one_line(result, '--device foo: is not a device; use cpu or cuda')
