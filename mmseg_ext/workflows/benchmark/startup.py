"""The benchmark ``startup``: from the command to the end of the first step, and how that grows with the images."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.benchmark import BenchmarkResult
from mmseg_ext.workflows.benchmark.inference import DEMO_CONFIG

START_GOAL_S = 5.0
GROWTH_GOAL_S = 2.0
FEW_IMAGES = 438
ORIGINALS = 24  # images that are drawn; the others are further names of their files
FIRST_STEP = 'Iter(train)'


def benchmark_startup(
    config: str | Path | None = None, *, images: int = 20_000, size: int = 256, rounds: int = 3
) -> BenchmarkResult:
    """Run ``mmseg-ext train`` as a command until it logs its first step, on 438 images and on many.

    The ratios are of wall times, medians over the rounds; the data sets take turns. Their files are hard links to a few
    synthetic pets. The table also has the CPU seconds of the training's own process, user and system, which other work
    on the machine lengthens least; loader workers are not in them.

    Args:
        config: The experiment; that of the demo by default.
        images: How many are many.
        size: Side of the images in pixels.
        rounds: Trainings of each kind.

    Returns:
        The ratio is that of the start with 438 images to 5 s, and ``growth`` that of the further seconds to 2 s.

    Raises:
        InputError: The training does not start.
    """
    counts = {f'{FEW_IMAGES} images': FEW_IMAGES, f'{images} images': images}
    wall: dict[str, list[float]] = {label: [] for label in counts}
    cpu: dict[str, list[float]] = {label: [] for label in counts}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_demo_data(folder / 'originals', DemoSettings(train=min(ORIGINALS, images), val=4, test=0, size=size))
        for number in range(rounds):
            for label, count in counts.items():
                root = folder / f'{count}-{number}'
                link_data(folder / 'originals', root, count)
                taken = _seconds_to_first_step(str(config or DEMO_CONFIG), root, folder / 'run')
                wall[label].append(taken[0])
                cpu[label].append(taken[1])
                shutil.rmtree(root)
    lines = [f'{"seconds to the first step":34}{"median":>10}{"lowest":>10}{"highest":>10}']
    for kind, seconds in (('wall', wall), ('CPU', cpu)):
        for label, values in seconds.items():
            figures = (statistics.median(values), min(values), max(values))
            lines.append(f'{label + ", " + kind:34}' + ''.join(f'{figure:10.2f}' for figure in figures))
    few, many = (statistics.median(wall[label]) for label in counts)
    further = {'growth': ((many - few) / GROWTH_GOAL_S, 1.0)}
    return BenchmarkResult('\n'.join(lines), few / START_GOAL_S, 1.0, further)


def link_data(originals: Path, root: Path, count: int) -> None:
    """Make a data set of ``count`` train images out of a small one, by hard links; val stays as it is."""
    for folder in ('img', 'labels'):
        shutil.copytree(originals / folder / 'val', root / folder / 'val', copy_function=os.link)
        files = sorted((originals / folder / 'train').iterdir())
        target = root / folder / 'train'
        target.mkdir(parents=True)
        for number in range(count):
            source = files[number % len(files)]
            os.link(source, target / f'image_{number:06d}{source.suffix}')
    shutil.copy(originals / 'dataset.yaml', root)


def _seconds_to_first_step(config: str, data: Path, work_dir: Path) -> tuple[float, float]:
    """Run the command, stop it after its first step, and return its wall and CPU seconds until then."""
    settings = {'data_root': data, 'labels': 'labels'}
    options = [
        f'{split}_dataloader.dataset.{name}={value}'
        for split in ('train', 'val', 'test')
        for name, value in settings.items()
    ]
    options += ['default_hooks.logger.interval=1', 'train_dataloader.batch_size=2']
    command = [sys.executable, '-m', 'mmseg_ext', 'train', config, '--work-dir', str(work_dir), '--clearml', 'off']
    shutil.rmtree(work_dir, ignore_errors=True)
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, '--cfg-options', *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    last = 'no message'
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if FIRST_STEP in line:
                return time.perf_counter() - start, _cpu_seconds(process.pid)
            last = line.strip() or last
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(work_dir, ignore_errors=True)
    raise InputError(config, f'the training did not start ({last})')


def _cpu_seconds(process_id: int) -> float:
    """Return the CPU seconds of a running process so far, user and system."""
    fields = Path(f'/proc/{process_id}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
