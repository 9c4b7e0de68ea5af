"""The tool as a user runs it, at sizes at which its figures mean nothing."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope='module')
def tool(repo_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location('benchmark_tool', repo_root / 'tools' / 'benchmark.py')
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_metric_benchmark_ends_with_its_ratio(run_tool: Callable[..., Any]) -> None:
    pytest.importorskip('mmseg')
    result = run_tool('benchmark', 'metric', '--images', 2, '--size', 16, '--classes', 2, '--rounds', 2)
    assert result.stderr == ''
    *table, last = result.stdout.splitlines()
    assert table[0].startswith('2 masks of 16×16, 2 classes, median of 2 rounds')
    ratios = [float(line.split()[-1]) for line in table[2:]]
    assert len(ratios) == 2
    found = re.fullmatch(r'metric ratio (\d+\.\d{3}) goal 0\.1', last)
    assert found is not None
    assert float(found[1]) == max(ratios) > 0
    assert result.returncode == int(float(found[1]) > 0.1)


@pytest.mark.parametrize(('ratio', 'code'), [(0.5, 0), (1.0, 0), (1.5, 1)])
def test_a_missed_goal_is_exit_code_1(
    tool: ModuleType, ratio: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(tool.BENCHMARKS, 'metric', lambda args: ('the table', ratio, 1.0))
    assert tool.main(['metric']) == code
    assert capsys.readouterr().out == f'the table\nmetric ratio {ratio:.3f} goal 1\n'


def test_help_ends_with_an_example_and_unusable_sizes_are_named(run_tool: Callable[..., Any]) -> None:
    assert run_tool('benchmark', '--help').stdout.rstrip().endswith('python tools/benchmark.py metric --images 100')
    result = run_tool('benchmark', 'metric', '--classes', '1')
    assert (result.returncode, result.stderr) == (2, 'error: --classes 1: must be at least 2\n')
    result = run_tool('benchmark', 'metric', '--rounds', '0')
    assert (result.returncode, result.stderr.count('\n')) == (2, 1)
    assert '--rounds: 0: must be a whole number of at least 1' in result.stderr
    assert run_tool('benchmark', 'nothing').returncode == 2


def test_both_metrics_see_the_same_samples_in_turn() -> None:
    pytest.importorskip('mmseg')
    from mmseg_ext.evaluation import benchmark_metric

    calls: list[tuple[str, int]] = []

    class Spy:
        def __init__(self, name: str) -> None:
            self.name, self.results, self.dataset_meta = name, [], None

        def process(self, batch: Any, samples: list) -> None:
            calls.append((self.name, id(samples)))

    samples = benchmark_metric.make_samples(3, 32, 3, ignored=True)
    benchmark_metric._interleaved([Spy('ours'), Spy('theirs')], samples, {}, 2)  # type: ignore[list-item]
    assert calls == [('ours', id(samples)), ('theirs', id(samples))] * 3


def test_the_samples_have_mmsegs_form() -> None:
    torch = pytest.importorskip('torch')
    pytest.importorskip('mmseg')
    from mmseg_ext.workflows.benchmark.metric import make_samples

    for ignored in (False, True):
        for one in make_samples(4, 48, 3, ignored):
            truth, prediction = one['gt_sem_seg']['data'], one['pred_sem_seg']['data']
            assert truth.shape == prediction.shape == (1, 48, 48)
            assert truth.dtype == prediction.dtype == torch.int64
            assert set(prediction.unique().tolist()) in ({0, 1}, {0, 2})
            assert bool((truth == 255).any()) is ignored
            assert bool((truth[truth != 255] != prediction[truth != 255]).any())
