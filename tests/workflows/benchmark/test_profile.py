from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.benchmark import roles  # noqa: F401 - registers the cheap model's backbone
from mmseg_ext.workflows.benchmark.profile import profile_training, table_of_profile
from mmseg_ext.workflows.benchmark.train import benchmark_train
from mmseg_ext.workflows.benchmark.workload import CHEAP_MODEL, open_workload

DEMO = 'demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192'


def test_a_profile_by_hand() -> None:
    """Two steps after one that does not count; each waits 1 s, has hooks of 2 and 4 s and a model of 3 s."""
    moments = [float(value) for value in (0, 5, 6, 7, 8, 10, 13, 17, 18, 20, 23, 27)]
    events = [
        SimpleNamespace(key='aten::convolution_backward', self_cpu_time_total=6e6),
        SimpleNamespace(key='aten::native_batch_norm', self_cpu_time_total=2e6),
        SimpleNamespace(key='aten::mkldnn_convolution', self_cpu_time_total=8e6),
    ]
    lines = table_of_profile(moments, events, 2).split('\n')
    assert [line.split()[-2:] for line in lines[1:5]] == [
        ['1000.00', '10.0%'], ['2000.00', '20.0%'], ['3000.00', '30.0%'], ['4000.00', '40.0%'],
    ]  # fmt: skip
    assert [line.split() for line in lines[7:]] == [
        ['convolution', '7000.00', '87.5%'], ['normalization', '1000.00', '12.5%'],
    ]  # fmt: skip


def test_a_trace_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / 'trace.json').touch()
    with pytest.raises(InputError, match=r'trace\.json: exists'):
        benchmark_train(profile_to=tmp_path)


def test_a_training_is_profiled(tmp_path: Path) -> None:
    workload = open_workload(DEMO, None, tmp_path, images=2, size=64, batch=2, workers=0)
    workload.config.model = CHEAP_MODEL
    table = profile_training(workload, tmp_path / 'out', tmp_path / 'run', 2)
    assert 'wait for the loader' in table
    assert any(line.startswith('convolution') for line in table.split('\n'))
    assert json.loads((tmp_path / 'out' / 'trace.json').read_text())['traceEvents']
