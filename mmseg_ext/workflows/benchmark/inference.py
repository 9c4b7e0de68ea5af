"""The benchmark ``inference``: one model on torch and on ONNX Runtime, size, time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_ext.data.images import Pixels
from mmseg_ext.demo.scene import render_scene
from mmseg_ext.errors import InputError
from mmseg_ext.inference.export_int8 import quantise
from mmseg_ext.inference.export_onnx import write_onnx
from mmseg_ext.inference.network import Network
from mmseg_ext.inference.onnx_network import OnnxNetwork
from mmseg_ext.inference.torch_network import TorchNetwork
from mmseg_ext.inference.views import view_of
from mmseg_ext.runs.config import load_config
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.benchmark import BenchmarkResult

GOAL = 1.0
DEMO_CONFIG = 'demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192'
ROWS = ('torch float32', 'torch bfloat16', 'ONNX float32', 'ONNX int8')
CALIBRATION_IMAGES = 8

# Code of a process that only predicts, and prints its peak memory in kB.
PEAK_MEMORY = """
import sys
import numpy as np
import mmseg_ext
size, dtype, *model = sys.argv[1:]
predictor = mmseg_ext.Predictor(*model, device='cpu', dtype=dtype or None)
for _ in range(3):
    predictor.predict(np.zeros((int(size), int(size), 3), np.uint8)).mask
print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))
"""


def benchmark_inference(
    config: str | Path | None = None, checkpoint: str | Path | None = None, size: int = 256, rounds: int = 11
) -> BenchmarkResult:
    """Time the networks on one image at a time, in turn, on one thread of the CPU.

    The ratio is that of ONNX float32 to torch float32.

    Args:
        config: The experiment; that of the demo by default.
        checkpoint: Its weights; random ones by default, since no time depends on them.
        size: Side of the images in pixels, at least 32; the network gets them in the size of its config.
        rounds: How often each network runs; a time is the median.

    Raises:
        InputError: The config or the checkpoint cannot be used, or a package is missing.
    """
    check_least(32, size=size)
    if checkpoint is not None and config is None:
        raise InputError('`checkpoint`', 'needs the `config` it was trained with')
    config = config or DEMO_CONFIG
    rng = np.random.default_rng(0)
    images = [render_scene(rng, size, 1 + number % 2).image for number in range(CALIBRATION_IMAGES)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = checkpoint or _random_checkpoint(config, Path(folder) / 'random.pth')
            networks = _networks(config, checkpoint, Path(folder), images)
            seconds = _interleaved(networks, images, rounds)
            models: dict[str, list[str]] = {row: [str(config), str(checkpoint)] for row in ROWS[:2]}
            models |= {row: [str(Path(folder) / f'{row}.onnx')] for row in ROWS[2:]}
            memory = {row: _peak_memory(models[row], 'bfloat16' if row == ROWS[1] else '', size) for row in ROWS}
            sizes = {row: _size(networks[row], models[row][0]) for row in ROWS}
    finally:
        torch.set_num_threads(threads)
    inputs = view_of(images[0], networks[ROWS[0]].info)
    lines = [f'{Path(config).stem}, {inputs.shape[3]}×{inputs.shape[2]}, one image, one CPU thread']
    lines.append(f'{"":16}{"weights MB":>12}{"ms":>10}{"ratio":>8}{"peak memory MB":>16}')
    for row in ROWS:
        ratio = seconds[row] / seconds[ROWS[0]]
        peak = '–' if memory[row] is None else f'{memory[row]:.0f}'
        lines.append(f'{row:16}{sizes[row]:12.1f}{seconds[row] * 1e3:10.1f}{ratio:8.3f}{peak:>16}')
    return BenchmarkResult('\n'.join(lines), seconds[ROWS[2]] / seconds[ROWS[0]], GOAL)


def _networks(config: str | Path, checkpoint: str | Path, folder: Path, images: Sequence[Pixels]) -> dict[str, Network]:
    """Open the network of each row."""
    onnx, int8 = (folder / f'{row}.onnx' for row in ROWS[2:])
    original = TorchNetwork(config, checkpoint, device='cpu')
    write_onnx(original, onnx)
    quantise(onnx, int8, images)
    # One object each for float32 and bfloat16, which the exporter has not touched.
    parts: Sequence[Network] = (
        TorchNetwork(config, checkpoint, device='cpu'),
        TorchNetwork(config, checkpoint, 'bfloat16', 'cpu'),
        OnnxNetwork(onnx, 'cpu', 1),
        OnnxNetwork(int8, 'cpu', 1),
    )
    return dict(zip(ROWS, parts, strict=True))


def _interleaved(networks: Mapping[str, Network], images: Sequence[Pixels], rounds: int) -> dict[str, float]:
    """Measure the median seconds per image of each network, run in turn; the first round only warms up."""
    seconds: dict[str, list[float]] = {row: [] for row in networks}
    for number in range(rounds + 1):
        for row, network in networks.items():
            inputs = view_of(images[number % len(images)], network.info)
            start = time.perf_counter()
            network.logits(inputs)
            seconds[row].append(time.perf_counter() - start)
    return {row: float(np.median(taken[1:])) for row, taken in seconds.items()}


def _peak_memory(model: Sequence[str], dtype: str, size: int) -> float | None:
    """Measure the peak MB of a process that opens the model and predicts three times; None without /proc."""
    if not Path('/proc/self/status').exists():
        return None
    done = subprocess.run(
        [sys.executable, '-c', PEAK_MEMORY, str(size), dtype, *model],
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(model[0], f'cannot be predicted with ({(done.stderr.splitlines() or ["?"])[-1]})')
    return int(done.stdout.split()[-1]) / 1024


def _size(network: Network, path: str) -> float:
    """Return the MB of the weights (torch: the checkpoint may hold more), or of the ONNX file."""
    if isinstance(network, TorchNetwork):
        return sum(tensor.nbytes for tensor in network.model.state_dict().values()) / 1e6
    return Path(path).stat().st_size / 1e6


def _random_checkpoint(config: str | Path, path: Path) -> Path:
    content = load_config(config)
    init_default_scope(content.get('default_scope', 'mmseg'))
    model = MODELS.build(content.model)
    classes = range(model.num_classes)
    meta = {'classes': [f'class {number}' for number in classes], 'palette': [[number % 256] * 3 for number in classes]}
    torch.save({'meta': {'dataset_meta': meta}, 'state_dict': model.state_dict()}, path)
    return path
