"""The notebook of stage 1: it runs from top to bottom on other data, and what is committed shows no photograph."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip('nbformat')

ERRORS = ('error', 'stderr')


@pytest.fixture
def notebook(repo_root: Path) -> Any:
    return nbformat.read(repo_root / 'practicum_work' / 'reports' / 'EDA_report.ipynb', as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == 'code']


def shown(notebook: Any, kind: str) -> list[Any]:
    """What the code cells show of a MIME type."""
    outputs = [output.get('data', {}) for cell in code_cells(notebook) for output in cell.outputs]
    return [data[kind] for data in outputs if kind in data]


def test_it_runs_on_the_synthetic_pets(
    notebook: Any, repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = pytest.importorskip('nbclient')
    pytest.importorskip('ipykernel')
    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    make_demo_data(tmp_path / 'pets', DemoSettings(train=8, val=4, test=4, size=64))
    monkeypatch.setenv('PETS_ROOT', str(tmp_path / 'pets'))
    monkeypatch.setenv('PYTHONPATH', str(repo_root))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.setenv('IPYTHONDIR', str(tmp_path / 'ipython'))
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    folder = {'metadata': {'path': str(repo_root / 'practicum_work' / 'reports')}}
    client.NotebookClient(notebook, timeout=120, resources=folder).execute()
    tables = '\n'.join(shown(notebook, 'text/markdown'))
    assert '**Findings in labels: 16 images, 16 masks**' in tables
    assert '**Findings in labels_true: ' in tables
    assert '| train | background | 8 | 100.0 |' in tables
    assert '| cleaned and corrected | train | 8 |' in tables
    assert len(shown(notebook, 'image/png')) == 5
    before = sorted(path.name for path in (tmp_path / 'pets').iterdir())
    assert before == ['dataset.yaml', 'defects.json', 'img', 'labels', 'labels_true']  # the data are left alone


def test_what_is_committed_was_run_in_order_without_an_error(notebook: Any) -> None:
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for output in (output for cell in cells for output in cell.outputs):
        assert output.output_type not in ERRORS
        assert output.get('name') not in ERRORS


def test_it_shows_the_references_numbers_and_all_agree(notebook: Any) -> None:
    beside = [table for table in shown(notebook, 'text/markdown') if 'first report' in table]
    assert len(beside) == 3
    for table in beside:
        rows = [line for line in table.splitlines() if line.endswith(' |')][2:]
        assert len(rows) >= 9
        assert all(row.endswith('| yes |') for row in rows)


def test_it_shows_tables_and_charts_but_no_photograph(notebook: Any) -> None:
    """Every picture is a figure of `mmseg_ext.eda.statistics`, which draws numbers only."""
    sources = [cell.source for cell in code_cells(notebook)]
    figures = re.findall(r'\b(\w+)_figure\(', '\n'.join(sources))
    assert figures == ['balance', 'area', 'light', 'position', 'drift']
    kinds = {kind for cell in code_cells(notebook) for output in cell.outputs for kind in output.get('data', {})}
    assert kinds == {'text/markdown', 'text/plain', 'image/png'}
    assert len(shown(notebook, 'image/png')) == len(figures)
    assert not any(cell.get('attachments') for cell in notebook.cells)


def test_it_names_no_machine(repo_root: Path) -> None:
    text = (repo_root / 'practicum_work' / 'reports' / 'EDA_report.ipynb').read_text(encoding='utf-8')
    without_pictures = re.sub(r'"image/png": "[^"]*"', '', text)
    assert not re.search(r'/(work|root|home|tmp|usr|Users|mnt|var)/', without_pictures)


def test_every_section_ends_with_its_conclusion(notebook: Any) -> None:
    texts = [cell.source for cell in notebook.cells if cell.cell_type == 'markdown']
    headings = [index for index, text in enumerate(texts) if text.startswith('## ')]
    assert len(headings) >= 9
    for start, end in zip(headings, [*headings[1:], len(texts)], strict=True):
        if not texts[start].startswith('## Summary'):
            assert texts[end - 1].startswith('**Conclusion (real pets).**'), texts[start]


def test_it_has_no_logic_of_its_own(notebook: Any) -> None:
    lines = [line for cell in code_cells(notebook) for line in cell.source.splitlines()]
    code = '\n'.join(line for line in lines if not line.startswith('%'))
    kinds = {type(node) for node in ast.walk(ast.parse(code))}
    assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.While, ast.If, ast.Try}
