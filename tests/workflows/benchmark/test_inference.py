from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import ModelInfo

pytest.importorskip('mmseg')
pytest.importorskip('onnxruntime')

INFO = ModelInfo(Classes(('a', 'b'), ((0, 0, 0), (1, 1, 1))), (0, 0, 0), (1, 1, 1), size=(64.0, 64.0))


class Fake:
    info = INFO

    def __init__(self, name: str, calls: list[str]) -> None:
        self.name, self.calls = name, calls

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        self.calls.append(self.name)
        return inputs[:, :2]


def test_the_networks_take_turns_and_the_ratio_is_that_of_float32(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mmseg_ext.workflows.benchmark import inference as module

    calls: list[str] = []
    clock = iter(range(1000))
    seconds = {'torch float32': 4, 'torch bfloat16': 2, 'ONNX float32': 3, 'ONNX int8': 1}
    ticks: list[float] = []

    def perf_counter() -> float:  # each call of a network takes the seconds of its row
        if next(clock) % 2 == 0:
            ticks.append((ticks[-1] if ticks else 0) + 10)
        else:
            ticks.append(ticks[-1] + seconds[calls[-1]])
        return ticks[-1]

    monkeypatch.setattr(module, '_networks', lambda *args: {row: Fake(row, calls) for row in module.ROWS})
    monkeypatch.setattr(module, '_peak_memory', lambda *args: None)
    monkeypatch.setattr(module, '_size', lambda *args: 1.5)
    monkeypatch.setattr(module.time, 'perf_counter', perf_counter)
    table, ratio, goal, further = module.benchmark_inference('net.py', 'a.pth', size=64, rounds=2)
    assert calls == list(module.ROWS) * 3  # one round to warm up
    assert (ratio, goal, further) == (0.75, 1.0, {})
    assert table.splitlines()[0] == 'net, 64×64, one image, one CPU thread'
    assert table.splitlines()[-1].split() == ['ONNX', 'int8', '1.5', '1000.0', '0.250', '–']


def test_the_peak_memory_is_that_of_a_process_of_its_own(tmp_path: Path) -> None:
    from mmseg_ext.workflows.benchmark.inference import _peak_memory

    if not Path('/proc/self/status').exists():
        pytest.skip('needs /proc')
    with pytest.raises(InputError, match=r'none\.onnx: cannot be predicted with \(.*no such model file'):
        _peak_memory([str(tmp_path / 'none.onnx')], '', 64)


def test_random_weights_suffice(repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmseg_ext.inference.torch_network import TorchNetwork
    from mmseg_ext.workflows.benchmark.inference import _random_checkpoint, _size

    monkeypatch.setenv('DEMO_DATA', str(tmp_path))
    config = next((repo_root / 'configs' / 'demo').glob('*.py'))
    network = TorchNetwork(config, _random_checkpoint(config, tmp_path / 'a.pth'), device='cpu')
    assert network.info.classes.names == ('class 0', 'class 1', 'class 2')
    parameters = sum(parameter.numel() for parameter in network.model.parameters())
    assert 4 * parameters / 1e6 <= _size(network, '') < 4 * parameters / 1e6 + 0.2  # and the norms' statistics


def test_wrong_use_is_one_line(run_tool: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    for option, words in {
        ('--size', '31'): '--size 31: must be at least 32',
        ('--checkpoint', 'a'): '--checkpoint: needs the --config',
    }.items():
        result: Any = run_tool('benchmark', 'inference', *option)
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        assert words in result.stderr
