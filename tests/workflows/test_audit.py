from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_ext.demo import DemoSettings, make_demo_data
from mmseg_ext.errors import InputError
from mmseg_ext.workflows import audit as workflow


def test_a_full_disk_leaves_the_earlier_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_demo_data(tmp_path / 'data', DemoSettings(train=2, val=1, test=1, size=64))
    out = tmp_path / 'out'
    workflow.audit_labels(tmp_path / 'data', out=out)
    earlier = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / 'mine.txt').write_text('of the user')

    def fail(path: Path, result: object) -> None:
        raise InputError(path, 'cannot be written (No space left on device)')

    monkeypatch.setattr(workflow, 'write_findings_csv', fail)
    with pytest.raises(InputError, match='No space left'):
        workflow.audit_labels(tmp_path / 'data', settings=['fragments.severity=off'], out=out, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {**earlier, 'mine.txt': b'of the user'}
