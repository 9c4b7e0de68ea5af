"""The notebook of the first minutes: it runs from top to bottom, and nothing of a run is committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip('nbformat')


@pytest.fixture
def notebook(repo_root: Path) -> Any:
    return nbformat.read(repo_root / 'examples' / 'quickstart.ipynb', as_version=4)


def test_it_runs_to_the_page_of_the_errors(
    notebook: Any, repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = pytest.importorskip('nbclient')
    pytest.importorskip('ipykernel')
    pytest.importorskip('mmseg')
    variables = {'IMAGES': '6', 'SIZE': '64', 'MINUTES': '0.1', 'OUT': str(tmp_path / 'out'), 'OMP_NUM_THREADS': '1'}
    for name, value in {**variables, 'PYTHONPATH': str(repo_root), 'IPYTHONDIR': str(tmp_path / 'ipython')}.items():
        monkeypatch.setenv(name, value)
    client.NotebookClient(notebook, timeout=300, resources={'metadata': {'path': str(tmp_path)}}).execute()
    shown = [output.get('data', {}) for cell in notebook.cells for output in cell.get('outputs', [])]
    assert sum('image/png' in data for data in shown) == 2
    assert 'Why does it fail?' in shown[-1]['text/html']
    assert (tmp_path / 'out/pets/labels_clean/cleaning.html').is_file()


def test_no_outputs_are_committed(notebook: Any) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert cells
    assert not [cell for cell in cells if cell.outputs or cell.execution_count is not None]
