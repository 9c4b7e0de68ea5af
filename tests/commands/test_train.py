"""The tool as a user runs it, on data and a network so small that its scores mean nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from locked_folder import locked

from mmseg_ext.engine.runner.autocast import cpu_gains_from_bfloat16

Tool = Callable[..., subprocess.CompletedProcess[str]]
WriteConfig = Callable[..., Path]
OneLine = Callable[..., None]
ROOT = Path(__file__).resolve().parents[2]


def option_of(hook: str, key: str, value: object) -> str:
    """The override of an argument of one of the hooks that every experiment shares."""
    hooks = runpy.run_path(str(ROOT / 'configs' / '_base_' / 'default_runtime.py'))['custom_hooks']
    return f'custom_hooks.{[entry["type"] for entry in hooks].index(hook)}.{key}={value}'


EVERY_ITERATION = option_of('mmseg_ext.ScalarsHook', 'interval', 1)


def scalars(work_dir: Path, key: str = 'train/loss') -> dict[int, float]:
    """A curve; an iteration that stands there twice fails."""
    rows = [json.loads(line) for line in (work_dir / 'scalars.json').read_text().splitlines()]
    points = [(row['iter'], row[key]) for row in rows if key in row]
    assert len({step for step, _ in points}) == len(points)
    return dict(points)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_a_run_leaves_all_that_the_other_tools_need(
    run_tool: Tool, write_config: WriteConfig, tiny_data: Path, tmp_path: Path
) -> None:
    torch = pytest.importorskip('torch')
    from mmseg_ext.evaluation.records import read_records
    from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

    config, run = write_config(tmp_path / 'tiny.py'), tmp_path / 'work dirs' / 'run'
    result = run_tool('train', config, '--work-dir', run, '--seed', '7', env={'DEMO_DATA': str(tiny_data)})
    assert (result.returncode, result.stderr) == (0, '')
    assert '\x1b' not in result.stdout
    assert '\r' not in result.stdout
    assert not re.search(r'Could not import|System environment|Config:|paramwise|env variable', result.stdout)

    best = list(run.glob('best_mDice_iter_*.pth'))
    assert len(best) == 1
    assert result.stdout.splitlines()[-2:] == [f'run: {run}', f'best checkpoint: {best[0]}']
    assert (run / 'last_checkpoint').read_text() == str(run / 'iter_4.pth')
    assert load_checkpoint_file(run / 'iter_4.pth')['meta']['iter'] == 4

    curve = scalars(run, 'val/mDice')
    assert list(curve) == [2, 4]
    assert best[0].name == f'best_mDice_iter_{max(curve, key=lambda step: curve[step])}.pth'
    assert all(0 <= value <= 100 for value in curve.values())
    records = read_records(run / 'records' / 'val.parquet')
    assert sorted(records.stems) == sorted(path.stem for path in (tiny_data / 'img' / 'val').iterdir())
    assert records.confusion.sum() == 4 * 64 * 64

    environment = json.loads((run / 'environment.json').read_text())
    assert environment['command'][1:] == [str(config), '--work-dir', str(run), '--seed', '7']
    assert environment['packages']['torch'].split('+')[0] == torch.__version__.split('+')[0]
    dumped = (run / 'tiny.py').read_text()
    assert 'seed=7' in dumped
    assert '_base_' not in dumped
    log = next(run.glob('*/*.log')).read_text()
    assert 'System environment' in log  # the file keeps what the console leaves out


def test_a_work_dir_that_is_not_empty_is_left_alone(
    fast_tool: Tool, run_dir: Path, one_line: OneLine, tmp_path: Path
) -> None:
    before = files(run_dir)
    one_line(fast_tool('train', run_dir.parent / 'tiny.py', '--work-dir', run_dir), str(run_dir), '--resume')
    assert files(run_dir) == before
    (tmp_path / 'file').write_text('dear')
    for resume in ([], ['--resume']):
        result = fast_tool('train', run_dir.parent / 'tiny.py', '--work-dir', tmp_path / 'file', *resume)
        one_line(result, 'is a file')


def test_a_work_dir_in_use_is_left_alone(fast_tool: Tool, run_dir: Path, one_line: OneLine, tmp_path: Path) -> None:
    with locked(tmp_path) as holder:
        (tmp_path / '.iter_2-abcd1234.pth').write_text('being written')
        before = files(tmp_path)
        for resume in ([], ['--resume']):
            result = fast_tool('train', run_dir.parent / 'tiny.py', '--work-dir', tmp_path, *resume)
            one_line(result, f'in use by process {holder} on host', '--work-dir')
        assert files(tmp_path) == before


def test_a_failed_start_leaves_no_work_dir(fast_tool: Tool, run_dir: Path, tmp_path: Path, one_line: OneLine) -> None:
    arguments = ['train', run_dir.parent / 'tiny.py', '--work-dir', tmp_path / 'run']
    one_line(fast_tool(*arguments, data=tmp_path / 'nothing'), 'data folder not found')
    assert not (tmp_path / 'run').exists()
    (tmp_path / 'run').mkdir()
    one_line(fast_tool(*arguments, data=tmp_path / 'nothing'), 'data folder not found')
    assert list((tmp_path / 'run').iterdir()) == []
    assert fast_tool(*arguments).returncode == 0


def test_kill_9_costs_at_most_one_interval(
    fast_tool: Tool, write_config: WriteConfig, tiny_data: Path, repo_root: Path, tmp_path: Path
) -> None:
    config, run = (
        write_config(tmp_path / 'long.py', 'train_cfg = dict(max_iters=800, val_interval=6)'),
        tmp_path / 'run',
    )
    arguments = [str(config), '--work-dir', str(run), '--cfg-options', EVERY_ITERATION]
    process = subprocess.Popen(
        [sys.executable, str(repo_root / 'tools' / 'train.py'), *arguments],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'DEMO_DATA': str(tiny_data), 'PYTHONPATH': str(repo_root)},
        stdout=subprocess.DEVNULL,
    )
    while not (run / 'iter_4.pth').exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    saved = int(re.findall(r'\d+', Path((run / 'last_checkpoint').read_text()).name)[0])
    reached = max(scalars(run))
    assert saved >= 2
    assert reached - saved <= 2  # the interval of the checkpoints

    result = fast_tool('train', *arguments, f'train_cfg.max_iters={saved + 4}', '--resume')
    assert result.returncode == 0, result.stderr
    assert list(scalars(run)) == list(range(1, saved + 5))
    assert (run / f'iter_{saved + 4}.pth').exists()
    assert f'resumed epoch: 0, iter: {saved}' in result.stdout
    assert not [path for path in run.glob('.*') if path.is_file()]


def test_the_seed_decides_the_run(fast_tool: Tool, run_dir: Path, tmp_path: Path) -> None:
    curves = {}
    for name, seed in (('a', 3), ('b', 3), ('c', 4)):
        options = ['--cfg-options', EVERY_ITERATION, 'train_cfg.max_iters=2']
        arguments = ['--work-dir', tmp_path / name, '--seed', seed, *options]
        assert fast_tool('train', run_dir.parent / 'tiny.py', *arguments).returncode == 0
        curves[name] = scalars(tmp_path / name)
    assert curves['a'] == curves['b'] != curves['c']


def test_amp_trains_in_bfloat16(fast_tool: Tool, write_config: WriteConfig, tmp_path: Path, one_line: OneLine) -> None:
    plain = 'optim_wrapper = dict(_delete_=True, {}optimizer=dict(type="AdamW", lr=1e-3))'
    config = write_config(tmp_path / 'plain.py', plain.format(''))
    losses = []
    for name, options in (('fp32', []), ('bf16', ['--amp'])):
        arguments = ['--work-dir', tmp_path / name, *options, '--cfg-options', EVERY_ITERATION, 'train_cfg.max_iters=2']
        result = fast_tool('train', config, *arguments)
        assert result.returncode == 0, result.stderr
        losses.append(scalars(tmp_path / name)[1])
    half = cpu_gains_from_bfloat16()
    assert (losses[0] != losses[1]) == half
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    recorded = json.loads((tmp_path / 'bf16' / 'run.json').read_text())['hyperparameters']['precision']
    assert recorded == ('bfloat16' if half else 'float32')
    assert ('no faster in bfloat16' in result.stdout) == (not half)
    assert 'AutocastOptimWrapper' in (tmp_path / 'bf16' / 'plain.py').read_text()
    other = write_config(tmp_path / 'other.py', plain.format('type="AmpOptimWrapper", '))
    one_line(fast_tool('train', other, '--work-dir', tmp_path / 'no', '--amp'), '--amp', 'AmpOptimWrapper')


def test_weights_to_start_from_do_not_come_back_on_resume(fast_tool: Tool, run_dir: Path, tmp_path: Path) -> None:
    best = next(run_dir.glob('best_*.pth'))
    arguments = [
        'train',
        run_dir.parent / 'tiny.py',
        '--work-dir',
        tmp_path / 'run',
        '--cfg-options',
        f'load_from={best}',
    ]
    first = fast_tool(*arguments, '--resume')  # nothing to resume yet
    assert f'Loaded {best}' in first.stdout, first.stderr
    again = fast_tool(*arguments, 'train_cfg.max_iters=6', '--resume')
    assert str(best) not in again.stdout, again.stderr
    assert 'resumed epoch: 0, iter: 4' in again.stdout


def test_a_terminal_shows_one_line_of_progress(fast_tool: Tool, run_dir: Path, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    shown = bytearray()

    def drain() -> None:
        while True:
            try:
                part = os.read(controller, 65536)
            except OSError:
                return
            shown.extend(part)

    reader = threading.Thread(target=drain)
    reader.start()
    result = fast_tool(
        'train', run_dir.parent / 'tiny.py', '--work-dir', tmp_path / 'run', terminal=os.ttyname(terminal),
        env={'TERM': 'xterm-256color', 'COLUMNS': '160'},
    )  # fmt: skip
    os.close(terminal)
    reader.join()
    os.close(controller)
    text = re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', shown.decode())
    assert result.returncode == 0, text
    lines = [line for line in re.split(r'[\r\n]+', text) if line.startswith('train ')]
    assert any(re.search(r'4/4 .* eta .*loss \d+\.\d{4} .*lr \S+ .*best mDice \d+\.\d\d', line) for line in lines), (
        lines
    )
    assert b'\x1b[?25l' in shown  # the cursor was hidden while the line moved
    assert shown.rindex(b'\x1b[?25h') > shown.rindex(b'\x1b[?25l')


def check_out_of_fold(fast_tool: Tool, runs: list[Path], data: Path, folder: Path, one_line: OneLine) -> None:
    """Each train image is predicted by the run that left it out, as that run predicts it."""
    import numpy as np
    from PIL import Image

    import mmseg_ext
    from mmseg_ext.evaluation.records import read_records
    from mmseg_ext.workflows.ensemble import make_ensemble

    entries = make_ensemble(runs, folder / 'folds.yaml')
    arguments = ('--data', data, '--labels', 'labels_true', '--out-of-fold')
    done = fast_tool('test', folder / 'folds.yaml', *arguments, '--split', 'train', '--out', folder / 'result')
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / 'result' / 'metrics.json').read_text())
    assert (metrics['out_of_fold'], metrics['images'], metrics['scores']['images']) == (True, 8, 8)
    compared = 0
    for run, entry in zip(runs, entries, strict=True):
        predictor = mmseg_ext.Predictor(entry.model, entry.checkpoint, device='cpu')
        for stem in read_records(run / 'records' / 'val.parquet').stems:
            mask = np.asarray(Image.open(folder / 'result' / 'masks' / f'{stem}.png'))
            np.testing.assert_array_equal(mask, predictor.predict(next(data.glob(f'img/train/{stem}.*'))).mask)
            compared += 1
    assert compared == 8
    one_line(
        fast_tool('test', folder / 'folds.yaml', *arguments, '--out', folder / 'x'), 'images of train, not of test'
    )
    make_ensemble(runs[:1], folder / 'first.yaml')
    one_line(
        fast_tool('test', folder / 'first.yaml', *arguments, '--split', 'train', '--out', folder / 'x'),
        '4 of 8 images were not left out by any run',
    )


def test_folds_validate_on_each_train_image_once_and_are_averaged(
    fast_tool: Tool, write_config: WriteConfig, tiny_data: Path, tmp_path: Path, one_line: OneLine
) -> None:
    pytest.importorskip('torch')
    from mmseg_ext.evaluation.records import read_records
    from mmseg_ext.workflows.folds import divide, list_pairs

    config, runs = write_config(tmp_path / 'tiny.py'), [tmp_path / f'runs/fold{number}' for number in (1, 2)]
    held_out: list[list[str]] = []
    for number, run in enumerate(runs, 1):
        done = fast_tool('train', config, '--work-dir', run, '--fold', f'{number}/2', '--fold-seed', 5)
        assert (done.returncode, done.stderr) == (0, '')
        record = json.loads((run / 'run.json').read_text())
        held_out.append(record['fold'].pop('held_out'))
        assert record['fold'] == {'fold': number, 'of': 2, 'seed': 5}
        assert record['hyperparameters']['folds'] == '2, seed 5'
    _, images, masks = list_pairs(tiny_data, record['data']['train'][0]['labels'], 'train')
    fold_of = divide(images, masks, 2, seed=5)
    for fold, run in enumerate(runs):  # the folds of a ranking: one division for all
        validated = read_records(run / 'records' / 'val.parquet')
        assert sorted(validated.stems) == held_out[fold] == [stem for stem in images if fold_of[stem] == fold]
        assert set(validated.splits) == {'val'}
        kept = runpy.run_path(str(run / 'tiny.py'))['train_dataloader']['dataset']
        kept = kept.get('dataset', kept)
        assert kept['indices'] == [place for place, stem in enumerate(images) if fold_of[stem] != fold]
    compared = fast_tool(
        'compare', tmp_path / 'runs', '--json', tmp_path / 'runs.json', '--out', tmp_path / 'page.html'
    )
    assert compared.returncode == 0, compared.stderr
    (group,) = json.loads((tmp_path / 'runs.json').read_text())['groups']
    scores = [json.loads((run / 'run.json').read_text())['best']['value'] for run in runs]
    assert group['scores']['val']['mDice']['mean'] == pytest.approx(sum(scores) / 2, abs=1e-3)
    assert group['scores']['val']['mDice']['count'] == 2

    check_out_of_fold(fast_tool, runs, tiny_data, tmp_path, one_line)

    again = ('train', config, '--work-dir', runs[0], '--resume')
    one_line(fast_tool(*again), 'left out fold 1/2 (seed 5), not no fold', 'the same --fold')
    one_line(fast_tool(*again, '--fold', '2/2', '--fold-seed', 5), 'not fold 2/2 (seed 5)')
    one_line(fast_tool('train', runs[0] / 'tiny.py', *again[2:]), 'nothing left to train')
    for wrong in ('3/2', 'two', '1/999'):
        one_line(fast_tool('train', config, '--work-dir', tmp_path / 'x', '--fold', wrong), f'--fold {wrong}: ')
    assert not (tmp_path / 'x').exists()
