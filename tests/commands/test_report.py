from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


def test_the_committed_report_is_what_the_sources_say(
    run_tool: Tool, shared_data: Path, repo_root: Path, tmp_path: Path
) -> None:
    done = run_tool('report', shared_data / 'pets', '--out', tmp_path / 'REPORT.md')
    assert done.returncode == 0, done.stderr
    reports = repo_root / 'practicum_work' / 'reports'
    assert (tmp_path / 'REPORT.md').read_text() == (reports / 'REPORT.md').read_text(), 'write it anew: make report'


def test_bad_input_is_one_line(run_tool: Tool, one_line: OneLine, tmp_path: Path) -> None:
    one_line(run_tool('report', tmp_path / 'none', '--out', tmp_path / 'R.md'), str(tmp_path / 'none'))
    one_line(run_tool('report', tmp_path, '--project', tmp_path / 'p.yaml', '--out', tmp_path / 'R.md'), 'p.yaml')
    assert not (tmp_path / 'R.md').exists()
