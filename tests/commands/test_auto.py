"""From masks to the page of errors with one command; what is done is not done again."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from mmseg_ext.reports.errors.conclusions import conclude

pytest.importorskip('mmseg')

from drawn_shapes import make_drawn_shapes

from mmseg_ext.commands import auto, cli
from mmseg_ext.errors import InputError
from mmseg_ext.workflows.init import machine


def test_one_command_leads_to_a_page_and_continues_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, 'TIMED_STEPS', 1)
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # of the processes that train and test
    data = make_drawn_shapes(tmp_path / 'shapes', side=32, train=10, val=2)
    # A fragment of a file: an error of the audit.
    image = data / 'img' / 'train' / 'train003.png'
    whole = image.read_bytes()
    image.write_bytes(whole[:100])
    out = tmp_path / 'result'
    arguments = [str(data), '--out', str(out), '--minutes', '0.27', '--device', 'cpu', '--backbone', 'scratch']
    with pytest.raises(InputError) as error:
        auto.main(arguments)
    assert error.value.exit_code == 1
    assert cli.ArgumentParser.last is not None
    assert 'or continue with --ignore-audit-errors' in cli.ArgumentParser.last.name_flags(str(error.value))
    assert not (out / 'shapes.py').exists()
    image.write_bytes(whole)

    assert auto.main(arguments) == 0
    printed = capfd.readouterr().out
    assert printed.index('1/5 audit') < printed.index('2/5 init') < printed.index('5/5 errors')
    page = (out / 'index.html').read_text()
    for link in ('audit/audit.html', 'shapes.py', 'run/run.json', 'test/metrics.json', 'errors/errors.html'):
        assert f'href="{link}"' in page
        assert (out / link).is_file()
    assert 'Audit of labels: 0 errors' in page
    for sentence in conclude(json.loads((out / 'errors/errors.json').read_text())):
        assert f'<p>{sentence}</p>' in html.unescape(page)

    (out / 'index.html').unlink()
    assert auto.main(arguments) == 0
    assert '/5 ' not in capfd.readouterr().out  # no step was done again
    assert (out / 'index.html').read_text() == page
    with pytest.raises(InputError, match='other settings'):
        auto.main([*arguments, '--seed', '1'])


def test_what_cannot_be_audited_leaves_no_folder(tmp_path: Path) -> None:
    data = make_drawn_shapes(tmp_path / 'shapes', side=20, train=2, val=0)
    (data / 'dataset.yaml').unlink()
    with pytest.raises(InputError, match='not found'):
        auto.main([str(data), '--out', str(tmp_path / 'result')])
    assert not (tmp_path / 'result').exists()
