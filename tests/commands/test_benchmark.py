"""The tool as a user runs it, at sizes at which its figures mean nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from mmseg_ext.commands import benchmark
from mmseg_ext.workflows.benchmark import BenchmarkResult


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
    ratio: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(benchmark.BENCHMARKS, 'metric', lambda args: BenchmarkResult('the table', ratio, 1.0))
    assert benchmark.main(['metric']) == code
    assert capsys.readouterr().out == f'the table\nmetric ratio {ratio:.3f} goal 1\n'


def test_further_ratios_come_before_the_last_line_and_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = BenchmarkResult('the table', 0.3, 0.5, {'overhead': (1.04, 1.03)})
    monkeypatch.setitem(benchmark.BENCHMARKS, 'train', lambda args: result)
    assert benchmark.main(['train']) == 1
    assert capsys.readouterr().out == 'the table\noverhead ratio 1.040 goal 1.03\ntrain ratio 0.300 goal 0.5\n'


def test_help_ends_with_an_example_and_unusable_sizes_are_named(run_tool: Callable[..., Any]) -> None:
    assert run_tool('benchmark', '--help').stdout.rstrip().endswith('mmseg-ext benchmark metric --images 100')
    result = run_tool('benchmark', 'metric', '--classes', '1')
    assert (result.returncode, result.stderr) == (2, 'error: --classes 1: must be at least 2\n')
    result = run_tool('benchmark', 'metric', '--rounds', '0')
    assert (result.returncode, result.stderr.count('\n')) == (2, 1)
    assert '--rounds: 0: must be a whole number of at least 1' in result.stderr
    assert run_tool('benchmark', 'nothing').returncode == 2
