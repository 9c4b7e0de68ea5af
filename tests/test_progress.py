from __future__ import annotations

import io
import sys

import pytest
import rich.table

from mmseg_ext.progress import SafeStream, open_console, track


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


def test_names_cannot_steer_a_terminal() -> None:
    raw = io.StringIO()
    stream = SafeStream(raw)
    print('cat\x1b[2J\x1b]0;title\x07 \x9b8m \u202e', file=stream)
    print('\x1b[4m\x1b[33mWARNING\x1b[0m', end='', file=stream)  # as mmengine's log
    assert raw.getvalue() == 'cat\\x1b[2J\\x1b]0;title\\x07 \\x9b8m \\u202e\n\x1b[4m\x1b[33mWARNING\x1b[0m'


def test_nor_can_cells_of_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.StringIO()
    monkeypatch.setattr(sys, 'stdout', SafeStream(raw))
    table = rich.table.Table('class')
    table.add_row('cat\x1b[2J')
    open_console(width=40).print(table)
    assert '\x1b' not in raw.getvalue()
    assert 'cat\\x1b[2J' in raw.getvalue()
