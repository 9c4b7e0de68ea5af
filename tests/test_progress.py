from __future__ import annotations

import sys

import pytest

from mmseg_ext.progress import track


def test_track_without_a_terminal_yields_the_items_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter([3, 1, 2]), 'reading', total=3)) == [3, 1, 2]
    assert capsys.readouterr() == ('', '')


def test_track_on_a_terminal_yields_the_same_and_keeps_standard_output_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    monkeypatch.setenv('TERM', 'xterm')
    assert list(track([3, 1, 2], 'reading')) == [3, 1, 2]
    captured = capsys.readouterr()
    assert captured.out == ''
    assert 'reading' in captured.err
