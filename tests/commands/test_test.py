"""The tool as a user runs it; its scores are computed once more from the files that it writes."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from payload import Payload
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]
NAMES = ('background', 'cat', 'dog')


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def dice_from_masks(predicted: Path, true: Path) -> dict[str, float]:
    """Dice of each class over all pixels of all images, in percent, from nothing but the PNG files."""
    pairs = [(pixels(path), pixels(true / path.name)) for path in sorted(predicted.iterdir())]
    a, b = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    return {
        name: 200 * np.sum((a == index) & (b == index)) / (np.sum(a == index) + np.sum(b == index))
        for index, name in enumerate(NAMES)
    }


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.fixture(scope='module')
def config(run_dir: Path) -> Path:
    return run_dir.parent / 'tiny.py'


@pytest.fixture(scope='module')
def checkpoint(run_dir: Path) -> Path:
    return next(run_dir.glob('best_*.pth'))


@pytest.fixture(scope='module')
def result(
    run_tool: Tool, config: Path, run_dir: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """One run on the test split; the work dir stands for its best checkpoint."""
    out = tmp_path_factory.mktemp('result') / 'out'
    done = run_tool('test', config, run_dir, '--out', out, env={'DEMO_DATA': str(tiny_data)})
    assert (done.returncode, done.stderr) == (0, '')
    return done, out


@pytest.fixture
def earlier(result: tuple[Any, Path], tmp_path: Path) -> Path:
    shutil.copytree(result[1], tmp_path / 'out')
    return tmp_path / 'out'


def test_it_prints_a_table(result: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, out = result
    assert 'test (4 images)' in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert {'background', 'cat', 'dog', 'mean'} <= {row[0] for row in rows if row}
    scores = json.loads((out / 'metrics.json').read_text())['scores']
    assert f'{scores["classes"]["cat"]["Dice"]["value"]:.2f}' in next(row for row in rows if row and row[0] == 'cat')
    assert done.stdout.splitlines()[-1] == f'metrics, records and masks: {out}'
    assert '\x1b' not in done.stdout


def test_the_result_folder_holds_what_it_promises(result: tuple[Any, Path], checkpoint: Path, config: Path) -> None:
    out = result[1]
    assert {path.name for path in out.iterdir()} == {'metrics.json', 'records.parquet', 'masks', 'log'}
    assert not [path for path in out.parent.iterdir() if path != out]
    metrics = json.loads((out / 'metrics.json').read_text())
    assert (metrics['config'], metrics['checkpoint']) == (str(config), str(checkpoint))
    assert (metrics['split'], metrics['labels'], metrics['tta'], metrics['images']) == ('test', 'labels_true', False, 4)
    assert metrics['environment']['command'][1] == str(config)
    scores = metrics['scores']
    entries = [scores[name] for name in ('mDice', 'mIoU', 'mAcc', 'aAcc')]
    entries += [entry for one in scores['classes'].values() for entry in one.values()]
    for entry in entries:
        assert set(entry) == {'value', 'low', 'high'}
        assert all(value is None or 0 <= value <= 100 for value in entry.values())
        assert entry['value'] is None or entry['low'] <= entry['value'] <= entry['high']
    assert list(scores['classes']) == list(NAMES)


def test_records_and_masks_agree_with_the_scores(result: tuple[Any, Path], tiny_data: Path) -> None:
    pytest.importorskip('pyarrow')
    from mmseg_ext.evaluation.records import read_records

    out = result[1]
    records = read_records(out / 'records.parquet')
    images = sorted((tiny_data / 'img' / 'test').iterdir())
    assert sorted(records.stems) == [path.stem for path in images]
    assert records.confusion.sum(axis=(1, 2)).tolist() == [64 * 64] * 4
    for path in images:
        mask = Image.open(out / 'masks' / f'{path.stem}.png')
        assert (mask.mode, mask.size) == ('P', (64, 64))  # though the network saw 128×128
        assert mask.getpalette()[:9] == [0, 0, 0, 220, 60, 60, 60, 100, 230]
        assert set(np.unique(np.asarray(mask))) <= {0, 1, 2}
    expected = dice_from_masks(out / 'masks', tiny_data / 'labels_true' / 'test')
    scores = json.loads((out / 'metrics.json').read_text())['scores']
    assert {name: scores['classes'][name]['Dice']['value'] for name in NAMES} == pytest.approx(expected, abs=1e-4)
    assert scores['mDice']['value'] == pytest.approx(np.mean(list(expected.values())), abs=1e-4)


def test_the_default_folder_stands_beside_the_checkpoint_and_tta_has_its_own(
    fast_tool: Tool, config: Path, checkpoint: Path, tiny_data: Path, tmp_path: Path
) -> None:
    weights = tmp_path / 'best.pth'
    shutil.copy(checkpoint, weights)
    assert fast_tool('test', config, weights, '--split', 'val', '--tta').returncode == 0
    done = fast_tool('test', config, weights, '--split', 'val')
    assert {path.name for path in tmp_path.iterdir()} == {'best.pth', 'val', 'val-tta'}
    plain, averaged = (json.loads((tmp_path / name / 'metrics.json').read_text()) for name in ('val', 'val-tta'))
    assert (plain['tta'], averaged['tta']) == (False, True)
    assert files(tmp_path / 'val' / 'masks') != files(tmp_path / 'val-tta' / 'masks')
    expected = dice_from_masks(tmp_path / 'val-tta' / 'masks', tiny_data / 'labels_true' / 'val')
    assert averaged['scores']['classes']['cat']['Dice']['value'] == pytest.approx(expected['cat'], abs=1e-4)
    assert 'val (4 images)' in done.stdout


def test_the_scores_of_val_are_those_of_training(fast_tool: Tool, config: Path, run_dir: Path, tmp_path: Path) -> None:
    curve = [json.loads(line) for line in (run_dir / 'scalars.json').read_text().splitlines()]
    best = max(row['val/mDice'] for row in curve if 'val/mDice' in row)
    assert fast_tool('test', config, run_dir, '--split', 'val', '--out', tmp_path / 'out').returncode == 0
    metrics = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    assert metrics['scores']['mDice']['value'] == pytest.approx(best, abs=1e-3)


def test_another_label_set_is_scored_against_itself(
    fast_tool: Tool, config: Path, run_dir: Path, tiny_data: Path, tmp_path: Path, one_line: OneLine
) -> None:
    given = ['test', config, run_dir, '--split', 'val', '--out', tmp_path / 'own', '--cfg-options']
    assert fast_tool(*given, 'val_dataloader.dataset.labels=labels').returncode == 0
    assert json.loads((tmp_path / 'own' / 'metrics.json').read_text())['labels'] == 'labels'
    arguments = ['test', config, run_dir, '--split', 'val', '--out', tmp_path / 'out', '--labels']
    assert fast_tool(*arguments, 'labels').returncode == 0
    metrics = json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    assert metrics['labels'] == 'labels'
    own = dice_from_masks(tmp_path / 'out' / 'masks', tiny_data / 'labels' / 'val')
    other = dice_from_masks(tmp_path / 'out' / 'masks', tiny_data / 'labels_true' / 'val')
    assert metrics['scores']['classes']['background']['Dice']['value'] == pytest.approx(own['background'], abs=1e-4)
    assert own != other
    one_line(fast_tool(*arguments, 'labels_misspelt', '--overwrite'), 'labels_misspelt')
    assert json.loads((tmp_path / 'out' / 'metrics.json').read_text()) == metrics


def test_an_earlier_result_stays_unless_it_may_go(
    fast_tool: Tool, config: Path, run_dir: Path, earlier: Path, one_line: OneLine
) -> None:
    before = files(earlier)
    one_line(fast_tool('test', config, run_dir, '--out', earlier), '--overwrite')
    assert files(earlier) == before
    (earlier / 'masks' / 'left_over.png').touch()
    assert fast_tool('test', config, run_dir, '--out', earlier, '--overwrite').returncode == 0
    assert not (earlier / 'masks' / 'left_over.png').exists()
    assert [path.name for path in earlier.parent.iterdir()] == ['out']


def test_a_foreign_folder_is_refused(
    fast_tool: Tool, config: Path, run_dir: Path, tmp_path: Path, one_line: OneLine
) -> None:
    (tmp_path / 'photo.jpg').write_text('dear')
    one_line(fast_tool('test', config, run_dir, '--out', tmp_path, '--overwrite'), 'photo.jpg')
    one_line(fast_tool('test', config, run_dir, '--out', tmp_path / 'photo.jpg', '--overwrite'), 'is a file')
    assert files(tmp_path) == {'photo.jpg': b'dear'}


def test_a_split_without_masks_is_predicted_only(
    fast_tool: Tool, config: Path, run_dir: Path, tiny_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / 'data'
    shutil.copytree(tiny_data, data)
    shutil.rmtree(data / 'labels_true' / 'test')
    done = fast_tool('test', config, run_dir, '--out', tmp_path / 'out', data=data)
    assert (done.returncode, done.stderr) == (0, '')
    assert 'test: 4 images predicted; there are no masks to score them against' in done.stdout
    assert len(list((tmp_path / 'out' / 'masks').iterdir())) == 4
    assert 'scores' not in json.loads((tmp_path / 'out' / 'metrics.json').read_text())
    assert not (tmp_path / 'out' / 'records.parquet').exists()


class TestUnusableCheckpoint:
    @pytest.fixture
    def refused(self, fast_tool: Tool, config: Path, earlier: Path, one_line: OneLine) -> Callable[..., None]:
        """Tests a checkpoint, which must be refused and leave an earlier result as it was."""

        def check(weights: Path, *words: str) -> None:
            before = files(earlier)
            one_line(fast_tool('test', config, weights, '--out', earlier, '--overwrite'), *words)
            assert files(earlier) == before
            assert 'out' in {path.name for path in earlier.parent.iterdir()}
            assert not list(earlier.parent.glob('.*'))

        return check

    def test_a_truncated_one(self, refused: Callable[..., None], checkpoint: Path, tmp_path: Path) -> None:
        content = checkpoint.read_bytes()
        (tmp_path / 'cut.pth').write_bytes(content[: len(content) // 2])
        refused(tmp_path / 'cut.pth', 'cut.pth', 'damaged')

    def test_one_of_another_model(self, refused: Callable[..., None], checkpoint: Path, tmp_path: Path) -> None:
        torch = pytest.importorskip('torch')
        state = torch.load(checkpoint, weights_only=True)['state_dict']
        torch.save({'state_dict': {f'other.{key}': value for key, value in state.items()}}, tmp_path / 'other.pth')
        refused(tmp_path / 'other.pth', 'another model', 'other.pth')
        del state['decode_head.conv_seg.bias']
        torch.save({'state_dict': state}, tmp_path / 'part.pth')
        refused(tmp_path / 'part.pth', 'decode_head.conv_seg.bias is missing')

    def test_one_that_runs_code(self, refused: Callable[..., None], tmp_path: Path) -> None:
        torch = pytest.importorskip('torch')
        trap = tmp_path / 'trap'
        torch.save({'state_dict': {}, 'meta': Payload(trap)}, tmp_path / 'zip.pth')
        (tmp_path / 'plain.pth').write_bytes(pickle.dumps({'state_dict': Payload(trap)}))
        for name in ('zip.pth', 'plain.pth'):
            refused(tmp_path / name, name)
            assert not trap.exists()

    def test_none_at_all(self, refused: Callable[..., None], run_dir: Path, tmp_path: Path) -> None:
        refused(tmp_path / 'missing.pth', 'missing.pth: no such checkpoint')
        (tmp_path / 'empty').mkdir()
        refused(tmp_path / 'empty', 'holds none')
        (tmp_path / 'empty' / 'best_mDice_iter_1.pth').touch()
        (tmp_path / 'empty' / 'best_mIoU_iter_1.pth').touch()
        refused(tmp_path / 'empty', 'best_mDice_iter_1.pth, best_mIoU_iter_1.pth')
